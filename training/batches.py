"""Batches of texts for Keras."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from training.rows import Rows

Batch = tuple[Any, ...]
"""Ids int32 (batch, length), perhaps with a second input, the targets, and perhaps weights of the targets."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """The batches of one epoch.

    Args:
        rows: the rows.
        cut: which of them are in each batch, and the length to pad it to, as `bucketed` gives them.
        finish: makes the batch of its ids (batch, length) and the indices of its rows.
    """

    def __init__(
        self,
        rows: Rows,
        cut: Iterable[tuple[NDArray[np.int64], int]],
        finish: Callable[[NDArray[np.int32], NDArray[np.int64]], Batch],
    ) -> None:
        super().__init__()
        self._rows = rows
        self._cut = list(cut)
        self._finish = finish

    def __len__(self) -> int:
        return len(self._cut)

    def __getitem__(self, number: int) -> Batch:
        """Return batch `number`, 0 to len - 1."""
        indices, length = self._cut[number]
        return self._finish(pad([self._rows.ids[index] for index in indices], length), indices)
