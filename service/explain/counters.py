"""What is counted of explanations, for Prometheus; how many were refused is told by the requests themselves."""

from service.metrics import Metrics

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


class ExplanationCounters:
    """The counters of explanations.

    Args:
        metrics: where they are declared.

    Attributes:
        duration_s: time of the process over one explanation, waiting left out.
        pending: explanations that wait or are being made.
        starts: processes that were started; each but the first of a worker stands for one that died.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.duration_s = metrics.histogram(
            "sentiment_explanation_duration_seconds", "Time to explain one text with all its models.", (), _SECONDS
        ).labels()
        self.pending = metrics.gauge(
            "sentiment_explanations_pending", "Explanations that wait or are being made.", (), "sum"
        ).labels()
        self.starts = metrics.counter(
            "sentiment_explaining_process_starts_total",
            "Processes started to explain; more than workers: some died.",
            (),
        ).labels()
