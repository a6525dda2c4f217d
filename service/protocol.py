"""HTTP/1.1 as uvicorn speaks it, with a gate before the application and a way to hand over an answer whole.

An answer through ASGI is two messages, and uvicorn checks every header of the first with two regular expressions and
makes two system calls: a seventh of all that a request costs here. What the front answers by itself has headers that
need no check and is written at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import NamedTuple, cast

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.admission.gate import BATCH, SINGLE, Gate
from service.heads import Head
from service.problems import Answer
from service.security.connections import Connection
from service.security.patrol import Patrol, Phase

Headers = list[tuple[bytes, bytes]]
WriteWhole = Callable[[int, Headers, bytes], Awaitable[None]]
"""Writes an answer: status, headers (content-length among them; trusted, not checked), body."""

LINGER_S = 1.0
"""How long a connection on which nothing is under way stays open once the process is to stop. What its client has sent
by then is answered, and told that it was the last."""

_EXTENSION = "nunchi"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_GATED = frozenset({("POST", SINGLE), ("POST", BATCH)})


class _Exchange(NamedTuple):
    """What the front may know of a request beyond ASGI."""

    protocol: "Protocol"
    cycle: RequestResponseCycle
    arrived: float


def whole_writer(scope: Scope) -> WriteWhole | None:
    """Return what writes an answer to this request whole; None if another server than ours brought it."""
    exchange: _Exchange | None = scope.get("extensions", {}).get(_EXTENSION)
    return partial(exchange.protocol.write, exchange.cycle) if exchange else None


def whole_body(scope: Scope) -> bytes | None:
    """Return the body of a request if all of it is there, which spares the messages of ASGI; None if it is not."""
    exchange: _Exchange | None = scope.get("extensions", {}).get(_EXTENSION)
    if exchange is None or exchange.cycle.more_body or exchange.cycle.disconnected:
        return None
    body = bytes(exchange.cycle.body)
    exchange.cycle.body = bytearray()
    return body


def arrived(scope: Scope) -> float:
    """Return when the headers of this request were there, in seconds of `perf_counter`."""
    exchange: _Exchange | None = scope.get("extensions", {}).get(_EXTENSION)
    return exchange.arrived if exchange else perf_counter()


def client_left(scope: Scope) -> bool:
    """Tell whether the client closed the connection before it was answered."""
    exchange: _Exchange | None = scope.get("extensions", {}).get(_EXTENSION)
    return exchange is not None and exchange.cycle.disconnected


def release(scope: Scope) -> None:
    """Let go of a request that was answered.

    Its own way of writing holds it until the garbage collector comes, and its connection holds, by the task, whatever
    answered it for as long as the client asks nothing else: a version, which could not be dropped.
    """
    exchange: _Exchange | None = scope.get("extensions", {}).pop(_EXTENSION, None)
    if exchange is not None:
        exchange.protocol.forget(exchange.cycle)


class Protocol(Connection):
    """One connection. What is asked of a model goes through the gate, all else to the application at once."""

    gate: Gate
    _gated: RequestResponseCycle | None = None
    """The request that went through the gate last."""
    _answering: "asyncio.Task[None] | None" = None
    """What answers it, from its beginning to its end."""
    _stopping = False
    _refused = 0
    """Requests that were refused unread; nothing else here knows of them."""

    @classmethod
    def behind(cls, gate: Gate, patrol: Patrol) -> "type[Protocol]":
        """Return the protocol of connections with this gate, which this patrol looks at."""
        return type(cls.__name__, (cls,), {"gate": gate, "patrol": patrol})

    def data_received(self, data: bytes) -> None:
        """Take what came; what has to be refused is refused before it is taken apart."""
        if self.gate.crowded and self._nothing_under_way():
            refused = self.gate.refused(data)
            if refused is not None:
                self._refused += 1
                own = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
                self.transport.write(b"".join((refused.lines, *own, b"\r\n", refused.body)))
                return
        super().data_received(data)

    def doing(self) -> tuple[Phase, object]:
        """Return what it is doing; who is refused again and again is neither silent nor idle."""
        phase, marker = super().doing()
        if self._refused and (phase is Phase.FIRST_HEAD or phase is Phase.IDLE):
            return Phase.IDLE, (marker, self._refused)
        return phase, marker

    def _nothing_under_way(self) -> bool:
        """Tell whether what comes next begins a request, and may be answered."""
        if self._stopping or self.deaf or self.flow.write_paused:
            return False
        cycle = cast(RequestResponseCycle | None, self.cycle)
        if cycle is None:
            return self.scope is None  # else in the middle of its headers
        return cycle.response_complete and not cycle.more_body and cycle.scope is self.scope

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        scope = cycle.scope
        exchange = _Exchange(self, cycle, perf_counter())
        scope["extensions"] = {_EXTENSION: exchange}  # type: ignore[dict-item]
        if self._stopping:
            cycle.keep_alive = False
        if (scope["method"], scope["path"]) not in _GATED:
            super()._start_asgi_task(cycle, app)
            return
        self._running = self._gated = cycle
        self._answering = None
        if self.gate.passes(scope["path"]):
            self.begin(cycle, app)
        elif self.pipeline:  # a refusal starts the next of these, and so on, each within the one before
            self.loop.call_soon(self.gate.receive, _Arrival(exchange, app))
        else:
            self.gate.receive(_Arrival(exchange, app))

    def begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Let the application answer."""
        task = self._answering = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def forget(self, cycle: RequestResponseCycle) -> None:
        """Let go of what answered a request."""
        if self._gated is cycle:
            self._answering = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Do nothing more for whoever left."""
        super().connection_lost(exc)
        cycle = self._gated
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            if self._answering is not None:
                self._answering.cancel()
            self.gate.left()

    def shutdown(self) -> None:
        """Come to an end: with the answer that is under way, or else with the next, if it is asked for soon."""
        if self.cycle is None or self.cycle.response_complete:
            self._stopping = True
            self.loop.call_later(LINGER_S, self._end_if_idle)
        else:
            self.cycle.keep_alive = False

    def _end_if_idle(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()

    async def write(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
        """Do for a whole answer what `RequestResponseCycle.send` does for its two messages."""
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if not cycle.disconnected:
            self.write_now(cycle, status, headers, body)

    def write_now(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
        """Write a whole answer, however much of the earlier ones is unsent."""
        early = cycle.more_body and self.ends_early(cycle)
        lines = [_STATUS_LINES[status]]
        for name, value in (*cycle.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        if early or not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines += (b"\r\n", body)
        cycle.transport.write(b"".join(lines))
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not (early or cycle.keep_alive):
            cycle.transport.close()
        cycle.on_response()


class _Arrival:
    """A request of a connection, as the gate sees it."""

    def __init__(self, exchange: _Exchange, app: ASGI3Application) -> None:
        self._protocol = exchange.protocol
        self._cycle = exchange.cycle
        self._app = app
        self.path: str = exchange.cycle.scope["path"]
        self.head = Head.of(list(exchange.cycle.scope["headers"]), exchange.arrived)

    @property
    def gone(self) -> bool:
        return self._cycle.disconnected

    @property
    def size(self) -> int:
        return len(self._cycle.body)

    def begin(self) -> None:
        self._protocol.begin(self._cycle, self._app)

    def answer(self, answer: Answer, request_id: str) -> None:
        """Answer at once. What is still to come of the body is dropped, unless the client waits to be asked for it."""
        if self._cycle.waiting_for_100_continue:
            self._cycle.keep_alive = False
        self._protocol.write_now(self._cycle, answer.status, answer.all_headers(request_id), answer.body)
        release(cast(Scope, self._cycle.scope))
