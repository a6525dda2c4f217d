"""Sends traces to a collector by OTLP over HTTP. It alone imports OpenTelemetry, and only when traces are on.

The spans of a request are made here, in the background, from what its trail holds: made by OpenTelemetry's tracer while
the request is answered, they would cost it as much as all else.

What the exporter needs beside the address it reads from the standard variables, such as OTEL_EXPORTER_OTLP_HEADERS and
OTEL_EXPORTER_OTLP_CERTIFICATE; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES name the service otherwise.
"""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from random import getrandbits
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from service import __version__
from service.telemetry.tracer import Ended, Late
from service.telemetry.trail import Stage, Trace

_PATH = "/v1/traces"
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_FAILED = 500
"""The least status that is a failure of ours, which is what a span of a server calls an error."""


class OtlpSender:
    """Sends items as spans.

    Args:
        endpoint: URL of the collector; without a path, the one of the standard is added.
    """

    def __init__(self, endpoint: str) -> None:
        whole = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _PATH
        self._exporter = OTLPSpanExporter(whole)
        self._resource = _resource()
        self._scope = InstrumentationScope("nunchi", __version__)

    def send(self, items: Sequence[Ended | Late]) -> bool:
        """Return whether the collector took them."""
        epoch_s = time.time() - time.perf_counter()
        spans = [span for item in items for span in self._spans(item, epoch_s)]
        return self._exporter.export(spans) is SpanExportResult.SUCCESS

    def stop(self) -> None:
        """Give up what is under way, and end."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _spans(self, item: Ended | Late, epoch_s: float) -> Iterator[ReadableSpan]:
        state = _state(item.trace)
        request = _context(item.trace, item.trace.span_id, state)
        if isinstance(item, Late):
            yield self._stage(item.stage, request, epoch_s)
            return
        yield self._request(item, request, epoch_s)
        for stage in item.trace.stages:
            yield self._stage(stage, request, epoch_s)

    def _request(self, item: Ended, context: SpanContext, epoch_s: float) -> ReadableSpan:
        answered, remote = item.answered, item.trace.remote
        return ReadableSpan(
            f"{answered.method} {answered.route}",
            context,
            remote and SpanContext(context.trace_id, int(remote.span_id, 16), True, _SAMPLED, context.trace_state),
            self._resource,
            _attributes(item),
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR if answered.status >= _FAILED else StatusCode.UNSET),
            start_time=_nanoseconds(epoch_s + answered.started),
            end_time=_nanoseconds(epoch_s + answered.started + answered.seconds),
            instrumentation_scope=self._scope,
        )

    def _stage(self, stage: Stage, request: SpanContext, epoch_s: float) -> ReadableSpan:
        span_id = getrandbits(64) or 1
        return ReadableSpan(
            stage.name,
            SpanContext(request.trace_id, span_id, False, _SAMPLED, request.trace_state),
            request,
            self._resource,
            {f"nunchi.{name}": figure for name, figure in stage.figures.items()},
            start_time=_nanoseconds(epoch_s + stage.started),
            end_time=_nanoseconds(epoch_s + stage.ended),
            instrumentation_scope=self._scope,
        )


def _attributes(item: Ended) -> dict[str, str | int]:
    """Return what is known of a request, under the names of OpenTelemetry where it has one."""
    trail, answered = item.trail, item.answered
    known: dict[str, str | int | None] = {
        "http.request.method": answered.method,
        "http.route": answered.route,
        "http.response.status_code": answered.status,
        "error.type": trail.problem if answered.status >= _FAILED else None,
        "nunchi.request_id": trail.request_id,
        "nunchi.problem": trail.problem,
        "nunchi.key": trail.key,
        **{f"nunchi.{name}": value for name, value in trail.about_answer().items()},
    }
    return {name: value for name, value in known.items() if value is not None}


def _context(trace: Trace, span_id: str, state: TraceState) -> SpanContext:
    return SpanContext(int(trace.trace_id, 16), int(span_id, 16), False, _SAMPLED, state)


def _state(trace: Trace) -> TraceState:
    return TraceState.from_header([trace.remote.state]) if trace.remote else TraceState()


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _resource() -> Resource:
    own = {
        "service.name": "nunchi",
        "service.version": __version__,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())
