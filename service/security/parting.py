"""How a connection ends when its client does not see to that itself: with an answer, if one is possible."""

import socket
import struct
from collections import deque
from fcntl import ioctl
from math import inf
from termios import FIONREAD

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.errors import ServiceError
from service.heads import Head
from service.problems import problem
from service.security.bodies import Flow
from service.security.connection_counters import EndReason
from service.security.patrol import Patrol, Seen
from service.security.wire import last_answer

_LINGER_BYTES = 262_144
"""What is read and dropped of a client that was answered and still sends."""
_RESET = struct.pack("ii", 1, 0)


class Parting(HttpToolsProtocol):
    """A connection, with regard to its end.

    Attributes:
        patrol: what knows all connections of the process.
        flow: pauses what the client sends.
        address: of the client; empty if it has none.
        seen: what the patrol saw of it last.
        deaf: whether what still comes is dropped.
        leaving: whether it was answered, and only waits for its client to notice.
        answered: requests that were answered, of which nothing is kept.
    """

    patrol: Patrol
    flow: Flow
    pipeline: deque[tuple[RequestResponseCycle, ASGI3Application]]
    address: str
    seen: Seen | None = None
    deaf = False
    leaving = False
    answered = 0
    _dropped_bytes = 0
    _running: RequestResponseCycle | None = None
    """The request that is being answered; not the newest, if others were sent ahead."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever answers that the client is gone; uvicorn tells only those who answer the newest request."""
        running, self._running = self._running, None
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    @property
    def begun(self) -> bool:
        """Whether anything of a request has come that is not over; who sent nothing is not waiting for an answer."""
        return bool(self.scope)

    @property
    def newest(self) -> RequestResponseCycle | None:
        """The last request whose headers were complete; None if it is over."""
        return self.cycle

    def on_response_complete(self) -> None:
        """Go on with the next request, or end if this one was answered before its client had sent all of it.

        As uvicorn's, but without a timer for every request: the patrol sees which connections are idle.
        """
        self.server_state.total_requests += 1
        if not self.pipeline and (self.deaf or self.ends_early(self.cycle)):
            self._leave()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self.let_go()

    def on_message_complete(self) -> None:
        """Take note that a body is there, also that of a request which was answered before."""
        if not self.cycle.response_complete:
            super().on_message_complete()
            return
        self.cycle.more_body = False
        if not self.parser.should_upgrade():
            self.let_go()

    def let_go(self) -> None:
        """Keep nothing of the newest request, if it is over.

        uvicorn keeps it, a dozen objects, until the next one comes: of a thousand connections they are in no cache by
        then, and the garbage collector has looked through them for nothing.
        """
        cycle = self.cycle
        if cycle.response_complete and not cycle.more_body:
            if cycle.scope is self.scope:  # else that of one whose headers are not complete
                self.scope = None  # type: ignore[assignment]
            self.cycle = self._running = None  # type: ignore[assignment]
            self.answered += 1

    def ends_early(self, cycle: RequestResponseCycle) -> bool:
        """Tell whether an answer that is given now would be the last, since too much of the body is still to come.

        A short rest is read and dropped instead, and the connection lives on; not if the client may never send it,
        because it waits to be asked for it (RFC 9110, 10.1.1).
        """
        if not cycle.more_body:
            return False
        return self.expect_100_continue or declared_length(cycle) > self.patrol.limits.max_body_bytes

    def refuse(self, error: ServiceError, reason: EndReason) -> None:
        """Answer what is being received, and end. If something older has to be answered first, that is the last."""
        self.patrol.counters.ended[reason].add()
        cycle = self.newest
        in_head = cycle is None or cycle.scope is not self.scope
        if cycle is None or cycle.response_complete:
            if in_head and self.begun:
                self.write_last(error)
            self._leave()
        elif self.pipeline or in_head or not cycle.more_body:
            if self.pipeline and cycle.more_body and not in_head:
                self.pipeline.popleft()  # the newest: it will never be whole
            self.deaf = True
        elif cycle.response_started:
            self.drop()
        else:
            self.write_last(error)
            cycle.disconnected = True
            cycle.message_event.set()
            self._leave()

    def end(self) -> None:
        """End without an answer."""
        self.transport.close()

    def has_sent(self) -> bool:
        """Tell whether its client has sent something that was not read yet."""
        opened = self.transport.get_extra_info("socket")
        return opened is not None and any(ioctl(opened.fileno(), FIONREAD, bytes(4)))

    def drop(self) -> None:
        """End at once, whatever is still to be sent: the kernel, too, keeps nothing for a client that reads nothing."""
        if (opened := self.transport.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def drop_data(self, size: int) -> None:
        """Take note of data that nobody reads; a client that does not stop to send any is not read at all."""
        self._dropped_bytes += size
        if self._dropped_bytes > _LINGER_BYTES:
            self.flow.hold()

    def write_last(self, error: ServiceError) -> None:
        """Answer by itself what is being received, or what would be."""
        cycle = self.newest
        known = cycle is not None and cycle.scope is self.scope
        request_id = self.patrol.request_ids.choose(_head(self.cycle).request_id if known else None)
        self.transport.write(last_answer(problem(error, request_id), request_id, self.server_state.default_headers))

    def _leave(self) -> None:
        """End once the client has had a moment to read its answer: to close at once would take that from it.

        Linux answers what comes for a closed connection with a reset, at which clients stop reading.
        """
        self.deaf = self.leaving = True
        self.pipeline.clear()
        if (cycle := self.newest) is not None:
            cycle.body = bytearray()
        self.patrol.bodies.ended(self)
        if not self.transport.is_closing():
            self.transport.write_eof()
            self.flow.let_go()


def declared_length(cycle: RequestResponseCycle) -> float:
    """Return the length of a body as its client declared it; infinite if it comes in any number of chunks."""
    declared = _head(cycle).content_length
    return inf if declared is None else int(declared)


def _head(cycle: RequestResponseCycle) -> Head:
    return Head.of(list(cycle.scope["headers"]))
