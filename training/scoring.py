"""Scores of many rows."""

import numpy as np
from numpy.typing import NDArray

from model_store.golden import Scorer, pad
from training.rows import Rows, bucketed

SCORING_BATCH = 512


def score_rows(score: Scorer, rows: Rows, batch_size: int = SCORING_BATCH) -> NDArray[np.float32]:
    """Return the probabilities float32 (n, labels) of all rows, in their order."""
    probabilities = np.empty(rows.targets.shape, dtype=np.float32)
    for indices, length in bucketed(rows, batch_size, order=None):
        probabilities[indices] = score(pad([rows.ids[index] for index in indices], length))
    return probabilities
