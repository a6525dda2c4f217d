"""How the writers of the store are doing, for Prometheus; it loads no database."""

from collections.abc import Sequence
from typing import Protocol

from service.metrics import Metrics
from service.store.tallies import DURATION_BOUNDS_S, WriterTallies


class Writing(Protocol):
    """Knows what a writer did, whether or not the store is open."""

    @property
    def tallies(self) -> WriterTallies:
        """What it counted so far."""

    @property
    def waiting(self) -> int:
        """Texts or labels that are accepted and not yet committed."""


class StoreCounters:
    """Shows what writers count whenever metrics are published: no row that is written pays for it.

    Args:
        metrics: where they are declared.
        writing: that of labels, and that of texts.
    """

    def __init__(self, metrics: Metrics, writing: Sequence[Writing]) -> None:
        self._writing = writing
        rows = metrics.counter(
            "sentiment_store_rows_total", "Texts and labels by what became of them in the store.", ("result",)
        )
        self._written, self._failed = map(rows.labels, ("written", "failed"))
        self._duration = metrics.histogram(
            "sentiment_store_write_duration_seconds", "Time of one transaction of the store.", (), DURATION_BOUNDS_S
        ).labels()
        waiting = metrics.gauge(
            "sentiment_store_queue_length", "Texts and labels that wait for the store.", (), "sum"
        ).labels()
        waiting.set_function(lambda: sum(each.waiting for each in writing))
        metrics.exposition.publishers.append(self._publish)

    def _publish(self) -> None:
        tallies = [each.tallies for each in self._writing]
        self._written.reach(sum(each.written for each in tallies))
        self._failed.reach(sum(each.failed for each in tallies))
        counts = [sum(column) for column in zip(*(each.duration_counts for each in tallies), strict=True)]
        self._duration.reach(counts, sum(each.duration_total_s for each in tallies))
