"""What may be known of a request beyond ASGI: how an answer is written whole, what has come of it, when, who left."""

from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from service.protocol import Protocol

Headers = list[tuple[bytes, bytes]]
WriteWhole = Callable[[int, Headers, bytes], Awaitable[None]]
"""Writes an answer: status, headers (content-length among them; trusted, not checked), body."""

EXTENSION = "nunchi"
"""Under which name it stands in the scope."""


class Exchange(NamedTuple):
    """A request on a connection of ours, and when its headers were there, in seconds of `perf_counter`."""

    protocol: "Protocol"
    cycle: RequestResponseCycle
    arrived: float


def whole_writer(scope: Scope) -> WriteWhole | None:
    """Return what writes an answer to this request whole; None if another server than ours brought it."""
    exchange: Exchange | None = scope.get("extensions", {}).get(EXTENSION)
    return partial(exchange.protocol.write, exchange.cycle) if exchange else None


def whole_body(scope: Scope) -> bytes | None:
    """Return the body of a request if all of it is there, which spares the messages of ASGI; None if it is not."""
    exchange: Exchange | None = scope.get("extensions", {}).get(EXTENSION)
    if exchange is None or exchange.cycle.more_body or exchange.cycle.disconnected:
        return None
    body = bytes(exchange.cycle.body)
    exchange.cycle.body = bytearray()
    return body


def arrived(scope: Scope) -> float:
    """Return when the headers of this request were there, in seconds of `perf_counter`."""
    exchange: Exchange | None = scope.get("extensions", {}).get(EXTENSION)
    return exchange.arrived if exchange else perf_counter()


def client_left(scope: Scope) -> bool:
    """Tell whether the client closed the connection before it was answered."""
    exchange: Exchange | None = scope.get("extensions", {}).get(EXTENSION)
    return exchange is not None and exchange.cycle.disconnected


def release(scope: Scope) -> None:
    """Let go of a request that was answered.

    Its own way of writing holds it until the garbage collector comes, and its connection holds, by the task, whatever
    answered it for as long as the client asks nothing else: a version, which could not be dropped.
    """
    exchange: Exchange | None = scope.get("extensions", {}).pop(EXTENSION, None)
    if exchange is not None:
        exchange.protocol.forget(exchange.cycle)
