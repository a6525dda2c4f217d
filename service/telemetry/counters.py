"""What is counted of traces, for Prometheus."""

from service.metrics import Metrics


class TraceCounters:
    """The counters of traces, at zero from the start, whether or not any are recorded.

    Args:
        metrics: where they are declared.

    Attributes:
        sent: that the collector took.
        failed: that it did not take, or not in time.
        dropped: that there was no room for.
    """

    def __init__(self, metrics: Metrics) -> None:
        results = metrics.counter(
            "sentiment_traces_total", "Requests that were traced, by what became of their traces.", ("result",)
        )
        self.sent, self.failed, self.dropped = map(results.labels, ("sent", "failed", "dropped"))
