"""HTTP/1.1 as uvicorn speaks it, with a gate before the application and a way to hand over an answer whole.

An answer through ASGI is two messages, and uvicorn checks every header of the first with two regular expressions and
makes two system calls: a seventh of all that a request costs here. What the front answers by itself has headers that
need no check and is written at once.
"""

import asyncio
from http import HTTPStatus
from time import perf_counter

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.admission.gate import BATCH, SINGLE, Gate
from service.admission.glance import Glance
from service.arrivals import Arrived, Unread
from service.exchange import EXTENSION, Exchange, Headers
from service.security.connections import Connection
from service.security.patrol import Patrol, Phase

LINGER_S = 1.0
"""How long a connection on which nothing is under way stays open once the process is to stop. What its client has sent
by then is answered, and told that it was the last."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_GATED = frozenset({("POST", SINGLE), ("POST", BATCH)})


class Protocol(Connection):
    """One connection. What is asked of a model goes through the gate, all else to the application at once."""

    gate: Gate
    _gated: RequestResponseCycle | None = None
    """The request that went through the gate last."""
    _answering: "asyncio.Task[None] | None" = None
    """What answers it, from its beginning to its end."""
    _unread: Unread | None = None
    """What came last, if it waits at the gate as it came."""
    _stopping = False

    @classmethod
    def behind(cls, gate: Gate, patrol: Patrol) -> "type[Protocol]":
        """Return the protocol of connections with this gate, which this patrol looks at."""
        return type(cls.__name__, (cls,), {"gate": gate, "patrol": patrol})

    def data_received(self, data: bytes) -> None:
        """Take what came; what has to be refused, or to wait, is not taken apart."""
        if self._unread is not None:
            self._unread.take_apart()
        elif self.gate.crowded and self._nothing_under_way():
            met = self.gate.meet(data, self.server_state.default_headers)
            if isinstance(met, bytes):
                self.answered += 1
                self.transport.write(met)
                return
            if met is not None:
                self._unread = Unread(self, data, met)
                self.gate.wait(self._unread, met.deadline)
                return
        super().data_received(data)

    def take_apart(self, seen: Glance, data: bytes) -> None:
        """Take what waited as it came."""
        if len(seen.headers) > self.patrol.limits.header_count:
            super().data_received(data)  # it will be told
        else:
            self.take(seen.path, list(seen.headers), data[len(data) - seen.size :])
        self._unread = None

    def doing(self) -> tuple[Phase, object]:
        """Return what it is doing; what waits as it came is work, too."""
        return (Phase.WORK, self.answered) if self._unread is not None else super().doing()

    def _nothing_under_way(self) -> bool:
        """Tell whether what comes next begins a request, and may be answered."""
        return not (self._stopping or self.deaf or self.flow.write_paused or self.newest or self.begun)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        scope, unread = cycle.scope, self._unread
        exchange = Exchange(self, cycle, unread.since if unread else perf_counter())
        scope["extensions"] = {EXTENSION: exchange}  # type: ignore[dict-item]
        if self._stopping:
            cycle.keep_alive = False
        if (scope["method"], scope["path"]) not in _GATED:
            super()._start_asgi_task(cycle, app)
            return
        self._running = self._gated = cycle
        self._answering = None
        if unread is not None:
            unread.arrived = Arrived(exchange, app)
        elif self.gate.passes(scope["path"]):
            self.begin(cycle, app)
        elif self.pipeline:  # a refusal starts the next of these, and so on, each within the one before
            self.loop.call_soon(self.gate.receive, Arrived(exchange, app))
        else:
            self.gate.receive(Arrived(exchange, app))

    def begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Let the application answer."""
        task = self._answering = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def let_go(self) -> None:
        """Keep nothing of the newest request, nor of what answers it, if it is over."""
        super().let_go()
        if self.newest is None:
            self._gated = self._answering = None

    def forget(self, cycle: RequestResponseCycle) -> None:
        """Let go of what answered a request."""
        if self._gated is cycle:
            self._answering = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Do nothing more for whoever left."""
        super().connection_lost(exc)
        if self._unread is not None:
            self._unread.leave()
            self._unread = None
            self.gate.left()
            return
        cycle = self._gated
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            if self._answering is not None:
                self._answering.cancel()
            self.gate.left()

    def shutdown(self) -> None:
        """Come to an end: with the answer that is under way, or else with the next, if it is asked for soon."""
        if self._unread is not None:
            self._unread.take_apart()
        if self.cycle is None or self.cycle.response_complete:
            self._stopping = True
            self.loop.call_later(LINGER_S, self._end_if_idle)
        else:
            self.cycle.keep_alive = False

    def _end_if_idle(self) -> None:
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            if self.has_sent() and not self.deaf:
                self.loop.call_soon(self._end_if_idle)  # once that is read, it is under way
            else:
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
