"""Stand-ins for what is slow, random or fails at the wrong moment."""

from collections.abc import Callable
from threading import Event

import numpy as np
from numpy.typing import NDArray

from service.admission.gate import Arrival
from service.engines import DeviceName, EngineName, Rows

POISON = 99
"""An id that makes `FakeEngine` fail."""


def probability(row: list[int] | tuple[int, ...]) -> float:
    """Return what `FakeEngine` says of a row: a number in 0..1 that tells rows apart, whatever stands beside them."""
    return (sum(row) % 97) / 97


class FakeEngine:
    """Scores at once, without a model.

    Args:
        inline: whether it asks to be called on the event loop.
        gate: if given, every call waits until it is set.
        answer: replaces the probabilities of all rows.
    """

    name: EngineName = "onnx"
    device: DeviceName = "cpu"
    call_cost = 1_000
    traces = 0

    def __init__(
        self,
        *,
        inline: bool = False,
        gate: Event | None = None,
        answer: Callable[[Rows], NDArray[np.float32]] | None = None,
    ) -> None:
        self.inline = inline
        self.calls: list[list[list[int]]] = []
        self._gate = gate
        self._answer = answer

    def call_tokens(self, rows: int, length: int) -> int:
        return self.call_cost

    def score(self, rows: Rows) -> NDArray[np.float32]:
        self.calls.append([list(row) for row in rows])
        if self._gate is not None:
            assert self._gate.wait(5)
        if any(POISON in row for row in rows):
            raise RuntimeError("poison")
        if self._answer is not None:
            return self._answer(rows)
        positive = np.array([probability(list(row)) for row in rows], dtype=np.float32)
        return np.stack([1 - positive, positive], axis=1)


class OpenGate:
    """A gate that lets everybody through, and counts who left."""

    crowded = False
    lefts = 0

    def passes(self, path: str) -> bool:
        return True

    def receive(self, arrival: Arrival) -> None:
        raise AssertionError

    def left(self) -> None:
        self.lefts += 1
