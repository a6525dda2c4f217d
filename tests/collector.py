"""A collector of traces: takes OTLP over HTTP and keeps the spans."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage


@dataclass(frozen=True)
class Span:
    """A span as it came; the times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    state: str
    name: str
    kind: str
    error: bool
    started: int
    ended: int
    attributes: dict[str, Any]


@dataclass
class Collector:
    """What came, and how the collector behaves.

    Attributes:
        url: where it listens, without a path.
        status: what it answers.
        gate: it does not answer before this is set.
        messages: what came, as bytes.
        paths: where it was sent to.
        spans: what it held.
        resources: what sent it.
    """

    url: str = ""
    status: int = 200
    gate: Event = field(default_factory=Event)
    messages: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)

    def take(self, path: str, message: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(message)
        self.messages.append(message)
        self.paths.append(path)
        for resource_spans in request.resource_spans:
            self.resources.append(_values(resource_spans.resource.attributes))
            for scope_spans in resource_spans.scope_spans:
                self.spans += map(_span, scope_spans.spans)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str, count: int, seconds: float = 60) -> list[Span]:
        """Return the spans of a name once there are so many."""
        end = time.monotonic() + seconds
        while len(self.named(name)) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.named(name)) >= count, f"{len(self.named(name))} of {count} spans came"
        return self.named(name)


@contextmanager
def collecting(answering: bool = True) -> Iterator[Collector]:
    """Listen on a free port until the block ends; if not `answering`, until then answer nobody."""
    collector = Collector()
    if answering:
        collector.gate.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            collector.gate.wait()
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever sent may have given up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield collector
        finally:
            collector.gate.set()
            server.shutdown()
            thread.join()


def _span(span: SpanMessage) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        state=span.trace_state,
        name=span.name,
        kind=SpanMessage.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        error=span.status.code == span.status.STATUS_CODE_ERROR,
        started=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=_values(span.attributes),
    )


def _values(attributes: Any) -> dict[str, Any]:
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}
