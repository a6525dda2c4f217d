"""What a writer of the store counts: plain numbers, so that without a store no database is loaded to show them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

DURATION_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

Plain = tuple[int, int, Sequence[int], float]
"""The numbers of `WriterTallies`, in their order."""


def _none() -> list[int]:
    return [0] * (len(DURATION_BOUNDS_S) + 1)


@dataclass
class WriterTallies:
    """What a writer counts: written by one thread only, so that any other may read it.

    Attributes:
        written: rows or labels that were committed.
        failed: rows or labels that could not be written.
        duration_counts: transactions that took no longer than each of DURATION_BOUNDS_S and longer than the one
            before; the last entry counts those above all of them.
        duration_total_s: what they took together.
    """

    written: int = 0
    failed: int = 0
    duration_counts: list[int] = field(default_factory=_none)
    duration_total_s: float = 0.0

    def time(self, seconds: float) -> None:
        """Count a transaction that took so long."""
        self.duration_counts[bisect_left(DURATION_BOUNDS_S, seconds)] += 1
        self.duration_total_s += seconds

    def take(self) -> Plain:
        """Return the numbers, and begin from zero."""
        taken = self.written, self.failed, self.duration_counts, self.duration_total_s
        self.written, self.failed, self.duration_counts, self.duration_total_s = 0, 0, _none(), 0.0
        return taken

    def add(self, taken: Plain) -> None:
        """Count what another writer counted."""
        written, failed, counts, total_s = taken
        self.written += written
        self.failed += failed
        self.duration_counts = [own + other for own, other in zip(self.duration_counts, counts, strict=True)]
        self.duration_total_s += total_s
