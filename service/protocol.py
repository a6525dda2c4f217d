"""HTTP/1.1 as uvicorn speaks it, with a way to hand over an answer whole.

An answer through ASGI is two messages, and uvicorn checks every header of the first with two regular expressions and
makes two system calls: a seventh of all that a request costs here. What the front answers by itself has headers that
need no check and is written at once.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.security.connections import Connection
from service.security.patrol import Patrol

Headers = list[tuple[bytes, bytes]]
WriteWhole = Callable[[int, Headers, bytes], Awaitable[None]]
"""Writes an answer: status, headers (content-length among them; trusted, not checked), body."""

_EXTENSION = "nunchi.whole_answer"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def whole_writer(scope: Scope) -> WriteWhole | None:
    """Return what writes an answer to this request whole; None if another server than ours brought it."""
    offer = scope.get("extensions", {}).get(_EXTENSION)
    return offer["write"] if offer else None


def release(scope: Scope) -> None:
    """Let go of a request that was answered: its own way of writing holds it, until the garbage collector comes."""
    scope.get("extensions", {}).pop(_EXTENSION, None)


class Protocol(Connection):
    """One connection."""

    @classmethod
    def watched_by(cls, patrol: Patrol) -> "type[Protocol]":
        """Return the protocol of connections that this patrol looks at."""
        return type(cls.__name__, (cls,), {"patrol": patrol})

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope["extensions"] = {_EXTENSION: {"write": partial(self._write, cycle)}}
        super()._start_asgi_task(cycle, app)

    async def _write(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> None:
        """Do for a whole answer what `RequestResponseCycle.send` does for its two messages."""
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()
        if cycle.disconnected:
            return
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
