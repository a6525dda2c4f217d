"""What is counted of callers, for Prometheus."""

from typing import Protocol, get_args

from service.errors import AccessReason
from service.metrics import Metrics


class Followed(Protocol):
    """A file that is followed."""

    broken: str | None


class AccessCounters:
    """The counters of callers, all of them at zero from the start.

    Args:
        metrics: where they are declared.

    Attributes:
        refused: requests that were turned away, by the reason.
    """

    def __init__(self, metrics: Metrics) -> None:
        reasons: tuple[AccessReason, ...] = get_args(AccessReason)
        refused = metrics.counter(
            "sentiment_access_refused_total", "Requests that were turned away for who sent them.", ("reason",)
        )
        self.refused = {reason: refused.labels(reason) for reason in reasons}
        self._broken = metrics.gauge(
            "sentiment_access_file_broken", "1 while the file of the keys cannot be used as it is now.", (), "max"
        ).labels()

    def watch(self, file: Followed) -> None:
        """Show from now on whether the file of the keys is broken."""
        self._broken.set_function(lambda: float(file.broken is not None))
