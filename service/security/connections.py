"""One connection whose client may be slow, greedy, or no client of HTTP at all.

uvicorn reads whatever comes for as long as it comes. Here headers and bodies have sizes and times (`patrol`), what is
no HTTP is answered as every other error, and an answer that comes before the end of a body does not wait for it.
"""

import socket
from asyncio import Event, Transport
from math import inf
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.errors import BodyTooLargeError, HeadersTooLargeError, MalformedRequestError
from service.problems import Header
from service.security.bodies import Flow
from service.security.parting import Parting, declared_length
from service.security.patrol import Phase

_PIECE_BYTES = 4096
"""What the parser is given at once. Headers that come in one piece are not measured: none of them is too large."""

_MOST_AHEAD = 4
"""Requests that are kept while an earlier one is answered: each takes kilobytes. No client in use sends any ahead."""

_FRAMING = 8
"""How many times as large as its content a body may be on the wire, chunked in the smallest chunks."""


_WRITE_AHEAD_BYTES = 16_384
"""While more than that is unsent, nothing else is written."""

_RECEIVE_BYTES, _SEND_BYTES = 131_072, 262_144
"""Of the kernel, for each connection; it takes twice as much. By itself it takes up to 6 and 4 MiB, which are memory of
the container too. Answers to large batches fit into it, so that a slow client makes nobody here wait."""


class TooFarAheadError(Exception):
    """A client has sent more requests ahead than are kept."""


class Connection(Parting):
    """A connection, with regard to what comes."""

    _counted_head: Any = 0
    """The scope of the request whose headers are counted, since they are longer than a piece; until it has begun, how
    many were answered."""
    _head_bytes = 0
    _counted_body: RequestResponseCycle | None = None
    """The request whose body is counted, since it did not come with its headers."""
    _body_bytes = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        transport.set_write_buffer_limits(_WRITE_AHEAD_BYTES)
        opened: socket.socket = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
        self.address = self.client[0] if self.client else ""
        refusal = self.patrol.opened(self)
        if refusal is not None:
            self.write_last(refusal)
            self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self.patrol.closed(self)

    def unsent(self) -> int:
        """Return how many bytes of answers its client has not taken."""
        return self.transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        """Take in what was sent, a piece at a time."""
        if self.deaf:
            self.drop_data(len(data))
        elif len(data) <= _PIECE_BYTES:
            self._feed(data)
        else:
            self._feed_all(memoryview(data))

    def take(self, path: str, headers: list[Header], body: bytes) -> None:
        """Begin to answer what was read already: a plain request, on a connection on which nothing is under way.

        As uvicorn's, but without the parser: of many connections each parser lies in no cache of the processor.
        """
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "root_path": self.root_path,
            "headers": headers,
            "state": self.app_state.copy(),
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
        }
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.body = bytearray(body)
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self._start_asgi_task(self.cycle, self.app)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the headers are too large: then the parser stops, with the error as its context."""
        if len(self.pipeline) >= _MOST_AHEAD:
            raise TooFarAheadError
        limits = self.patrol.limits
        if len(self.headers) > limits.header_count:
            raise HeadersTooLargeError(f"a request has at most {limits.header_count} headers")
        if self._counted_head is self.scope and self._head_size() > limits.header_bytes:
            raise HeadersTooLargeError(f"the headers of a request have at most {limits.header_bytes} bytes")
        super().on_headers_complete()
        self.headers = []  # what comes after the body is no header of the request

    def doing(self) -> tuple[Phase, object]:
        """Return what it is doing, and what changes as soon as it makes progress that counts."""
        unsent, cycle = self.unsent(), self.newest
        if self.transport.is_closing():
            return Phase.CLOSING, unsent
        if unsent:
            return Phase.ANSWER, unsent
        if self.leaving:
            return Phase.LEAVING, None
        if cycle is None:
            return self._between_requests(), self.answered
        if cycle.more_body:
            return (Phase.HELD if self.flow.held else Phase.BODY), cycle
        return Phase.WORK, self.answered  # the request itself would be kept until the next look

    def received(self) -> int:
        """Return how many bytes of the present body have come."""
        return self._body_bytes if self._counted_body is self.cycle else 0

    def _between_requests(self) -> Phase:
        if not self.answered:
            return Phase.FIRST_HEAD
        return Phase.HEAD if self.begun else Phase.IDLE

    def _feed_all(self, data: memoryview) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            self._feed(data[start : start + _PIECE_BYTES])
            if self.deaf:
                return

    def _feed(self, piece: bytes | memoryview) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # this speaks nothing else, and the parser has lost what came with it
        except httptools.HttpParserError as error:
            self._stop(error.__context__)
            return
        cycle = self.newest
        in_head = cycle is None or cycle.scope is not self.scope
        if cycle is not None and cycle.more_body and not in_head:
            self._count_body(cycle, len(piece))
        elif self._counted_body is not None:
            self._counted_body = None
            self.patrol.bodies.ended(self)
        if in_head:
            self._count_head(len(piece))

    def _stop(self, cause: BaseException | None) -> None:
        if isinstance(cause, TooFarAheadError):
            self.deaf = True  # what was taken is answered, and the connection ends: the client may send the rest again
        elif isinstance(cause, HeadersTooLargeError):
            self.refuse(cause, "headers_too_large")
        else:
            self.refuse(MalformedRequestError("this is no request of HTTP/1.1, as RFC 9112 has it"), "malformed")

    def _count_head(self, size: int) -> None:
        """Count headers that do not come in one piece; what they are exactly is known once they are complete."""
        head = self.scope if self.begun else self.answered
        if self._counted_head is not head:
            self._counted_head, self._head_bytes = head, 0
            return
        self._head_bytes += size
        if self._head_bytes > self.patrol.limits.header_bytes:
            self._stop(HeadersTooLargeError("the headers do not come to an end"))

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _count_body(self, cycle: RequestResponseCycle, size: int) -> None:
        """Count a body that does not come with its headers; hold it while others have the room."""
        most = self.patrol.limits.max_body_bytes
        if cycle.response_complete:
            return  # a short rest of what was answered already
        if self._counted_body is not cycle:
            self._counted_body, self._body_bytes = cycle, 0
            if most < declared_length(cycle) < inf:
                self._ignore_body(cycle)
                return
        self._body_bytes += size
        if self._body_bytes > _FRAMING * most:
            self.refuse(BodyTooLargeError(most), "body_too_large")
        else:
            self.patrol.bodies.grown(self, self._body_bytes)

    def _ignore_body(self, cycle: RequestResponseCycle) -> None:
        """Keep nothing of a body that the application will refuse for its length, or never ask for."""
        self.deaf = True
        self.flow.hold()
        cycle.body = bytearray()
