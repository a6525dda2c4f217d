"""Makes what the metrics time of a request a part of its trace: the same figures, noted once."""

from time import perf_counter

from service.metrics import Metrics
from service.telemetry.observes import Observes
from service.telemetry.trail import Stage, current_trace


class TracedStage:
    """A histogram of a stage, which notes each duration in the trace of the request at hand, if there is one.

    Args:
        name: of the stage.
        histogram: counts the durations.
    """

    def __init__(self, name: str, histogram: Observes) -> None:
        self._name = name
        self._histogram = histogram

    def observe(self, value: float) -> None:
        """Count a duration that ends now, in seconds."""
        self._histogram.observe(value)
        trace = current_trace()
        if trace is not None:
            now = perf_counter()
            trace.stages.append(Stage(self._name, now - value, now, {}))


def trace_stages(metrics: Metrics) -> None:
    """Put a traced stage in the place of each histogram; while traces are off, these cost nothing more."""
    metrics.parse_s = TracedStage("parse", metrics.parse_s)
    metrics.encode_s = TracedStage("encode", metrics.encode_s)
    metrics.serialize_s = TracedStage("serialize", metrics.serialize_s)
