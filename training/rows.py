"""Encoded texts, and batches of like length among them, so that little work is spent on padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import TextEncoder
from training.datasets import Dataset

BOUNDARIES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Lengths that batches are padded to; a closed set, so that a compiled step is compiled only so often."""

FEW = (16, 32, 64, 128, 256)
"""The same where compiling costs more than padding; batches hold the same rows."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded texts.

    Attributes:
        ids: n rows of 1 to `length` ids.
        targets: (n, labels) float32.
        unknown: (n,) share of unknown ids in each row, 0 to 1.
        lengths: (n,) number of ids of each row.
    """

    ids: Sequence[Sequence[int]]
    targets: NDArray[np.float32]
    unknown: NDArray[np.float64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: NDArray[np.int64]) -> "Rows":
        """Return the rows at `indices`, in that order."""
        ids = [self.ids[index] for index in indices]
        return Rows(ids, self.targets[indices], self.unknown[indices], self.lengths[indices])


def encode_rows(dataset: Dataset, encoder: TextEncoder, length: int, *, keep_empty: bool = False) -> Rows:
    """Encode every text, keeping its first `length` ids.

    Texts without a single id teach nothing (and cuDNN refuses them), so training leaves them out; evaluation keeps
    them, since a wrong answer to an empty text is a wrong answer.
    """
    encoded = [encoder.encode(text, length) for text in dataset.texts]
    kept = np.array([keep_empty or bool(row.ids) for row in encoded], dtype=bool)
    chosen = [encoded[index] for index in np.flatnonzero(kept)]
    lengths = np.array([len(row.ids) for row in chosen], dtype=np.int64)
    unknown = np.array([row.unknown for row in chosen]) / np.maximum(lengths, 1)
    return Rows([row.ids for row in chosen], dataset.targets[kept], unknown, lengths)


def bucketed(
    rows: Rows, batch_size: int, order: np.random.Generator | None, lengths: Sequence[int] = BOUNDARIES
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Cut rows into batches of like length.

    Args:
        rows: the rows.
        batch_size: rows of a batch; one batch at most holds fewer.
        order: source of a random order of rows and batches; None goes from the shortest to the longest.
        lengths: to pad to, ascending; a batch that is longer than all of them is padded to its longest row.

    Yields:
        The indices of a batch and the length to pad it to.
    """
    indices = np.arange(len(rows)) if order is None else order.permutation(len(rows))
    by_length = indices[np.argsort(np.searchsorted(BOUNDARIES, rows.lengths[indices]), kind="stable")]
    batches = [by_length[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    for number in range(len(batches)) if order is None else order.permutation(len(batches)):
        yield batches[number], _padded_length(int(rows.lengths[batches[number]].max()), lengths)


def _padded_length(longest: int, lengths: Sequence[int]) -> int:
    position = int(np.searchsorted(lengths, longest))
    return lengths[position] if position < len(lengths) else longest
