"""Scores of many rows."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import TextEncoder
from model_store.golden import Scorer, pad
from training.datasets import Dataset
from training.rows import Rows, bucketed, encode_rows

SCORING_BATCH = 512


def score_rows(score: Scorer, rows: Rows, batch_size: int = SCORING_BATCH) -> NDArray[np.float32]:
    """Return the probabilities float32 (n, labels) of all rows, in their order."""
    probabilities = np.empty(rows.targets.shape, dtype=np.float32)
    for indices, length in bucketed(rows, batch_size, order=None):
        probabilities[indices] = score(pad([rows.ids[index] for index in indices], length))
    return probabilities


TextScorer = Callable[[Sequence[str]], NDArray[np.float32]]
"""n texts -> probabilities (n, labels)."""


def text_scorer(score: Scorer, encoder: TextEncoder, length: int, labels: tuple[str, ...]) -> TextScorer:
    """Return a function from n texts to probabilities float32 (n, labels).

    Args:
        score: takes ids.
        encoder: makes ids of texts.
        length: how many ids of a text are looked at.
        labels: the classes in the order of the columns.
    """

    def of(texts: Sequence[str]) -> NDArray[np.float32]:
        unlabelled = Dataset(texts, np.zeros((len(texts), len(labels)), dtype=np.float32), labels)
        return score_rows(score, encode_rows(unlabelled, encoder, length, keep_empty=True))

    return of
