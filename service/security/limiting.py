"""How many texts a key may have scored: a bucket that fills at a rate, shared by all workers."""

import mmap
import os
from collections.abc import MutableSequence
from math import ceil
from pathlib import Path
from time import monotonic
from typing import NamedTuple

PATTERN = r"[1-9][0-9]{0,8}/(s|min)"
_SECONDS = {"s": 1, "min": 60}
_WORDS = {"s": "a second", "min": "a minute"}
_CELL_BYTES = 8


class Limit(NamedTuple):
    """So many texts a second (`rate`, a float), and so many at once after a pause (`burst`); `words` for people."""

    rate: float
    burst: int
    words: str

    @classmethod
    def of(cls, written: str, burst: int | None = None) -> "Limit":
        """Read what matches `PATTERN`, such as 600/min; without a burst, all of a period may come at once."""
        count, _, unit = written.partition("/")
        burst = burst or int(count)
        return cls(int(count) / _SECONDS[unit], burst, f"{count} texts {_WORDS[unit]}, {burst} at once,")


class Bucket:
    """What is left of a limit, as one number: the time at which the bucket will be full again (GCRA, ITU-T I.371).

    One number is read and written without a lock, so that workers can share it: two that take at the very same
    moment may count one of the two, and never more than was asked for.

    Args:
        limit: what it holds.
        cell: the number, in seconds of `time.monotonic`, which all processes of a machine share; 0 at first.
    """

    def __init__(self, limit: Limit, cell: MutableSequence[float]) -> None:
        self.limit = limit
        self._cell = cell
        self._interval_s = 1 / limit.rate

    def take(self, texts: int, now: float | None = None) -> int:
        """Take so many; return 0, or the seconds after which to ask again if there are not enough.

        More than the burst are given by a full bucket only, and paid off before anything else is.
        """
        now = monotonic() if now is None else now
        full_at = max(self._cell[0], now)
        spare_s = (self.limit.burst - min(texts, self.limit.burst)) * self._interval_s
        wait_s = full_at - now - spare_s
        if wait_s > 1e-9:  # a billionth of a second is rounding
            return ceil(wait_s)
        self._cell[0] = full_at + texts * self._interval_s
        return 0


class Buckets:
    """The buckets of all keys; that of a key is the same for as long as its limit is.

    Args:
        directory: where workers share them; None for one process.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._buckets: dict[tuple[str, Limit], Bucket] = {}

    def of(self, name: str, limit: Limit) -> Bucket:
        """Return the bucket of a key, by a name that may be a file's."""
        known = self._buckets.get((name, limit))
        if known is None:
            known = self._buckets[name, limit] = Bucket(limit, self._cell(name))
        return known

    def _cell(self, name: str) -> MutableSequence[float]:
        if self._directory is None:
            return [0.0]
        descriptor = os.open(self._directory / f"limit-{name}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _CELL_BYTES)  # zeros, or, if another worker made it, what it holds
            return memoryview(mmap.mmap(descriptor, _CELL_BYTES)).cast("d")  # type: ignore[return-value]
        finally:
            os.close(descriptor)
