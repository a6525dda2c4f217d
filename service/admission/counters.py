"""What is counted of requests that were not answered: refused, too late, or left by their client."""

from typing import get_args

from service.errors.capacity import CapacityError, DeadlineError, RefusalReason
from service.metrics import Metrics
from service.tallies import Counter


class AdmissionCounters:
    """The counters, each of which shows 0 from the start.

    Args:
        metrics: where they are declared.

    Attributes:
        refused: requests that got 429, by why.
        late: requests that got 504.
        waiting: requests that wait at the gate now.
        left: requests whose client closed the connection before they were answered.
    """

    def __init__(self, metrics: Metrics) -> None:
        refused = metrics.counter(
            "sentiment_refused_requests_total",
            "Requests to predict that were refused with 429, by why.",
            ("reason",),
        )
        self.refused: dict[RefusalReason, Counter] = {
            reason: refused.labels(reason) for reason in get_args(RefusalReason)
        }
        self.late = metrics.counter(
            "sentiment_late_requests_total", "Requests to predict whose deadline passed before they were answered.", ()
        ).labels()
        self.waiting = metrics.gauge(
            "sentiment_waiting_requests", "Requests to predict that were read and wait to be begun.", (), "sum"
        ).labels()
        self.left = metrics.counter(
            "sentiment_left_requests_total", "Requests to predict whose client left before they were answered.", ()
        ).labels()

    def count(self, error: CapacityError | DeadlineError) -> None:
        """Count a request that is answered with an error."""
        (self.late if isinstance(error, DeadlineError) else self.refused[error.refusal]).add()
