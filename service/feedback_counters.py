"""What is counted of labels, for Prometheus."""

from typing import Literal, get_args

from service.experiments.observation import LabelSource
from service.metrics import Metrics

Rejection = Literal["unknown", "expired", "duplicate", "conflict", "invalid", "unavailable"]
"""Why a label changed nothing."""

_DELAY_S = (1, 10, 60, 600, 3_600, 21_600, 86_400, 259_200, 604_800, 2_592_000)


class FeedbackCounters:
    """The counters of labels, all of them at zero from the start.

    Args:
        metrics: where they are declared.

    Attributes:
        accepted: labels that were accepted, by their source.
        delay_s: seconds from a prediction to its label, by the source.
        rejected: labels that changed nothing, by the reason.
    """

    def __init__(self, metrics: Metrics) -> None:
        sources: tuple[LabelSource, ...] = get_args(LabelSource)
        reasons: tuple[Rejection, ...] = get_args(Rejection)
        accepted = metrics.counter("sentiment_feedback_total", "Labels that were accepted.", ("source",))
        delay_s = metrics.histogram(
            "sentiment_feedback_delay_seconds", "Time from a prediction to its label.", ("source",), _DELAY_S
        )
        rejected = metrics.counter("sentiment_feedback_rejected_total", "Labels that changed nothing.", ("reason",))
        self.accepted = {source: accepted.labels(source) for source in sources}
        self.delay_s = {source: delay_s.labels(source) for source in sources}
        self.rejected = {reason: rejected.labels(reason) for reason in reasons}
