"""What is told of requests: to the metrics, the log and the tracer."""

from service.metrics import Metrics
from service.settings import Settings
from service.telemetry.counters import TraceCounters
from service.telemetry.outbox import BackgroundOutbox
from service.telemetry.request_log import Answered, RequestLog
from service.telemetry.stages import trace_stages
from service.telemetry.tracer import Tracer
from service.telemetry.trail import Trail


class Telling:
    """What the front tells of requests.

    Args:
        metrics: where they are counted.
        log: writes lines.
        tracer: records traces; None if they are off.

    Attributes:
        of_all: whether it wants to hear of every request; else only of those that failed, once they have.
    """

    def __init__(self, metrics: Metrics, log: RequestLog, tracer: Tracer | None = None) -> None:
        self.metrics = metrics
        self._log = log
        self._tracer = tracer
        self.of_all = log.share > 0 or tracer is not None

    @classmethod
    def of(cls, settings: Settings, metrics: Metrics) -> "Telling":
        """Build it as the settings say."""
        log, counters = RequestLog(settings.log_requests), TraceCounters(metrics)
        if settings.traces_endpoint is None:
            return cls(metrics, log)
        from service.telemetry.otlp import OtlpSender  # noqa: PLC0415 - a third of a second and 20 MB

        outbox = BackgroundOutbox(OtlpSender(settings.traces_endpoint), counters)
        trace_stages(metrics)
        return cls(metrics, log, Tracer(settings.traces_ratio, outbox))

    def begin(self, trail: Trail) -> None:
        """Record a trace of a request, if there is to be one."""
        if self._tracer is not None:
            self._tracer.begin(trail)

    def end(self, trail: Trail, answered: Answered) -> None:
        """Tell of it."""
        self._log.tell(trail, answered)
        if self._tracer is not None:
            self._tracer.end(trail, answered)

    async def close(self) -> None:
        """Send the traces that are left."""
        if self._tracer is not None:
            await self._tracer.close()
