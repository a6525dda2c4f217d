"""How the writer of the store is doing, for Prometheus; it loads no database."""

from typing import Protocol

from service.metrics import Metrics
from service.store.tallies import DURATION_BOUNDS_S, WriterTallies


class Writing(Protocol):
    """Knows what the writer did, whether or not the store is open."""

    @property
    def tallies(self) -> WriterTallies:
        """What it counted so far."""

    @property
    def waiting(self) -> int:
        """Rows and labels that are accepted and not yet committed."""


class StoreCounters:
    """Shows what the writer counts whenever metrics are published: no row that is written pays for it.

    Args:
        metrics: where they are declared.
        writing: the store.
    """

    def __init__(self, metrics: Metrics, writing: Writing) -> None:
        self._tallies = writing.tallies
        rows = metrics.counter(
            "sentiment_store_rows_total", "Texts and labels by what became of them in the store.", ("result",)
        )
        self._written, self._failed, self._dropped = map(rows.labels, ("written", "failed", "dropped"))
        self._duration = metrics.histogram(
            "sentiment_store_write_duration_seconds", "Time of one transaction of the store.", (), DURATION_BOUNDS_S
        ).labels()
        waiting = metrics.gauge(
            "sentiment_store_queue_length", "Texts and labels that wait for the store.", (), "sum"
        ).labels()
        waiting.set_function(lambda: writing.waiting)
        metrics.exposition.publishers.append(self._publish)

    def _publish(self) -> None:
        tallies = self._tallies
        self._written.reach(tallies.written)
        self._failed.reach(tallies.failed)
        self._dropped.reach(tallies.dropped)
        self._duration.reach(tallies.duration_counts, tallies.duration_total_s)
