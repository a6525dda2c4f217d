"""What runs a model: one file per runtime, behind one protocol."""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model_store.layout import StoredVersion

EngineName = Literal["onnx", "tensorflow"]
DeviceName = Literal["cpu", "gpu"]
Rows = Sequence[Sequence[int]]
"""Texts as ids, each of its own length."""


class Engine(Protocol):
    """One version, ready to score. `score` may be called from several threads at once."""

    name: EngineName
    device: DeviceName
    inline: bool
    """Whether a short text costs less than handing it to a thread."""

    def call_tokens(self, rows: int, length: int) -> int:
        """Return what a call costs beside its rows, in tokens: more padding than that is worth a call of its own.

        Args:
            rows: of the call that may end here.
            length: of the longer rows that could join it, in tokens.
        """

    def score(self, rows: Rows) -> NDArray[np.float32]:
        """Return probabilities (rows, labels). A row's never depend on the others nor on padding (id 0)."""

    @property
    def traces(self) -> int:
        """How many graphs were traced for it so far; 0 where nothing is traced."""


class Runtime(Protocol):
    """Opens versions with one engine."""

    def open(self, stored: StoredVersion) -> Engine:
        """Load a version and make it ready to score without further delay.

        Raises:
            EngineError: if this engine cannot run it.
        """
