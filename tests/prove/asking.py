"""The process that asks while versions change: `python -m tests.prove.asking PORT PER_S DIRECTORY`.

It asks when requests are due, whether or not earlier ones were answered, until there is a file `stop` in the directory;
then it writes down what it saw. It is a process of its own, so that whoever publishes versions does not hold it up.
"""

import gc
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.connection import Connection, message
from bench.open_loop import OpenLoop, poisson

TEXTS = (
    "배우들 연기가 정말 좋았어요",
    "시간이 아까웠다",
    "기대를 많이 했는데 그저 그랬다",
    "최고의 영화! 또 보고 싶다",
    "지루해서 끝까지 못 봤음",
    "음악은 좋은데 이야기가 별로",
    "가족과 함께 보기 좋은 영화",
    "돈 주고 보기엔 좀",
)
"""What is asked, in turn."""

_AT_A_TIME_S = 2.0
"""Of requests whose moments are drawn together."""


class Seen(NamedTuple):
    """What became of requests, each at its place.

    Attributes:
        due: when they were due, in seconds of `time.perf_counter`, which all processes of a machine share.
        latency: from then to the answer, in seconds; infinite if it was no 200 or there was none.
        version: who answered.
        probability: what it gave to the second label.
        text: the place in `TEXTS` of what was asked.
    """

    due: NDArray[np.float64]
    latency: NDArray[np.float64]
    version: NDArray[np.int64]
    probability: NDArray[np.float64]
    text: NDArray[np.int64]

    @property
    def failed(self) -> int:
        """How many got no 200."""
        return int(np.isinf(self.latency).sum())

    def between(self, start: float, end: float) -> "Seen":
        """Return those that were due in a time."""
        within = (self.due >= start) & (self.due < end)
        return _of(column[within] for column in self)


def _of(columns: Iterable[NDArray[Any]]) -> Seen:
    return Seen(*columns)


class _Asking(OpenLoop):
    """Notes what is answered, not only when."""

    def __init__(self, port: int, messages: Sequence[bytes], due_s: Sequence[float]) -> None:
        super().__init__(port, messages, due_s)
        self.version = [0] * len(due_s)
        self.probability = [0.0] * len(due_s)

    def _receive(self, connection: Connection) -> None:
        request = connection.request
        before = self._latency_s[request]
        super()._receive(connection)
        if self._latency_s[request] != before:
            answer = json.loads(connection._received.partition(b"\r\n\r\n")[2])
            self.version[request] = answer["version"]
            self.probability[request] = answer["scores"]["positive"]

    def seen(self) -> Seen:
        texts = np.arange(len(self._due_s)) % len(TEXTS)
        due = np.array(self._due_s) + self._started
        return Seen(due, np.array(self._latency_s), np.array(self.version), np.array(self.probability), texts)


def main(port: int, per_s: float, directory: Path) -> None:
    """Ask until told to stop."""
    bodies = [json.dumps({"text": text, "model": "gru"}).encode() for text in TEXTS]
    messages = [message("/predict", port, body) for body in bodies]
    parts: list[Seen] = []
    (directory / "begun").touch()
    while not (directory / "stop").exists():
        asking = _Asking(port, messages, poisson(per_s, _AT_A_TIME_S, seed=len(parts)))
        asking.run()
        parts.append(asking.seen())
    seen = _of(map(np.concatenate, zip(*parts, strict=True)))
    np.savez(directory / "seen.npz", **seen._asdict())


def read(directory: Path) -> Seen:
    """Return what the process wrote down."""
    with np.load(directory / "seen.npz") as columns:
        return Seen(**columns)


if __name__ == "__main__":
    gc.disable()
    time.sleep(0.1)
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
