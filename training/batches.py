"""Batches of like length for Keras."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from training.rows import BOUNDARIES, Rows, bucketed

Batch = tuple[Any, ...]
"""Ids int32 (batch, length), perhaps with a second input, the targets, and perhaps weights of the targets."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """The batches of one epoch; the same `order` gives the same ones.

    Args:
        rows: the rows.
        batch_size: rows of a batch; one batch at most holds fewer.
        order: source of the random order of rows and batches.
        finish: makes the batch of its ids (batch, length) and the indices of its rows.
        lengths: to pad to, ascending.
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        order: np.random.Generator,
        finish: Callable[[NDArray[np.int32], NDArray[np.int64]], Batch],
        lengths: Sequence[int] = BOUNDARIES,
    ) -> None:
        super().__init__()
        self._rows = rows
        self._finish = finish
        self._chosen = list(bucketed(rows, batch_size, order, lengths))

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, number: int) -> Batch:
        """Return batch `number`, 0 to len - 1."""
        indices, length = self._chosen[number]
        return self._finish(pad([self._rows.ids[index] for index in indices], length), indices)
