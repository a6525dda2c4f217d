"""What the writer of the store counts: plain numbers, so that without a store no database is loaded to show them."""

from bisect import bisect_left
from dataclasses import dataclass, field

DURATION_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass
class WriterTallies:
    """What the writer counts: each number is written by one thread only, so that any other may read it.

    Attributes:
        written: rows and labels that were committed (writer thread).
        failed: rows and labels that could not be written (writer thread).
        dropped: rows that found the queue full (the thread that records).
        duration_counts: transactions that took no longer than each of DURATION_BOUNDS_S and longer than the one
            before; the last entry counts those above all of them (writer thread).
        duration_total_s: what they took together (writer thread).
    """

    written: int = 0
    failed: int = 0
    dropped: int = 0
    duration_counts: list[int] = field(default_factory=lambda: [0] * (len(DURATION_BOUNDS_S) + 1))
    duration_total_s: float = 0.0

    def time(self, seconds: float) -> None:
        """Count a transaction that took so long."""
        self.duration_counts[bisect_left(DURATION_BOUNDS_S, seconds)] += 1
        self.duration_total_s += seconds
