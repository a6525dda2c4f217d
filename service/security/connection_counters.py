"""What is counted of connections, for Prometheus."""

from collections.abc import Callable
from typing import Literal, get_args

from service.metrics import Metrics

EndReason = Literal[
    "malformed",
    "headers_too_large",
    "headers_too_slow",
    "body_too_large",
    "body_too_slow",
    "answer_not_read",
    "too_many",
    "too_many_of_address",
]
"""Why a connection was ended: the closed set of the label of `sentiment_connections_ended_total`."""


class ConnectionCounters:
    """The counters of connections, all of them at zero from the start.

    Args:
        metrics: where they are declared.

    Attributes:
        ended: connections that were ended, by the reason; not those that came to their own end.
    """

    def __init__(self, metrics: Metrics) -> None:
        reasons: tuple[EndReason, ...] = get_args(EndReason)
        ended = metrics.counter(
            "sentiment_connections_ended_total", "Connections that were ended for what their client did.", ("reason",)
        )
        self.ended = {reason: ended.labels(reason) for reason in reasons}
        self._open = metrics.gauge("sentiment_connections", "Open connections.", (), "sum").labels()

    def show(self, connections: Callable[[], int]) -> None:
        """Show from now on how many connections are open."""
        self._open.set_function(connections)
