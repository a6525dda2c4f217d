"""Clients that hold connections by being slow, and clients that send bodies without an end; a process of their own."""

import asyncio
import os
import random
import resource
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

_DRIP_S = 0.5
"""Time between two bytes of a slow client."""

_OPENED_PER_S = 200
"""How many slow connections begin in a second."""

_PIECE = b"a" * 65_536
_HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
_GIVE_UP_S = 60


class Attack(NamedTuple):
    """How many at once, and for how long.

    Attributes:
        port: of the service, on 127.0.0.1.
        slow: connections that are held, a third each by slow headers, slow bodies and answers that are not read.
        bodies: bodies that are sent, half of them declared, half in chunks, spread over the time.
        body_bytes: of each.
        seconds: for which they go on; who was cut off begins anew.
        patience_s: how much longer those that are still open then wait to be closed.
    """

    port: int
    slow: int
    bodies: int
    body_bytes: int
    seconds: float
    patience_s: float


class Held(NamedTuple):
    """One slow connection: how its client was slow, for how long it was open, and whether the service closed it."""

    kind: str
    seconds: float
    closed: bool


class Sent(NamedTuple):
    """One body: how it was framed, how much of it was taken, and the status it got, 0 for none."""

    framing: str
    size: int
    status: int


class Found(NamedTuple):
    """What became of an attack."""

    held: list[Held]
    sent: list[Sent]


def attack(plan: Attack) -> Found:
    """Run an attack."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, plan.slow + plan.bodies + 256)), hard))
    os.nice(19)  # those whose time is measured share the processor with these
    return asyncio.run(_attack(plan))


async def _attack(plan: Attack) -> Found:
    end = time.monotonic() + plan.seconds
    kinds = list(_SLOW.items())
    slow = [_hold(plan, kinds[number % len(kinds)], number / _OPENED_PER_S, end) for number in range(plan.slow)]
    bodies = [_send(plan, number) for number in range(plan.bodies)]
    held = asyncio.gather(*slow)
    sent = await asyncio.gather(*bodies)
    return Found([one for each in await held for one in each], list(sent))


async def _hold(plan: Attack, how: "tuple[str, Slow]", after_s: float, end: float) -> list[Held]:
    """Hold a connection, again and again."""
    kind, be_slow = how
    held = []
    await asyncio.sleep(after_s)
    while time.monotonic() < end:
        opened = time.monotonic()
        reader, writer = await _connect(plan.port, 4096)
        closed = False
        try:
            async with asyncio.timeout(max(0.0, end - opened) + plan.patience_s):
                await be_slow(reader, writer, plan.patience_s * 2 / 3)
                closed = True
        except TimeoutError:
            pass
        except OSError:
            closed = True
        held.append(Held(kind, time.monotonic() - opened, closed))
        writer.transport.abort()
        await asyncio.sleep(random.random())
    return held


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, start: bytes) -> None:
    """Send a beginning, and then a byte at a time, until the other side ends."""
    writer.write(start)
    while True:
        try:
            async with asyncio.timeout(_DRIP_S):
                while await reader.read(1024):
                    pass
                return
        except TimeoutError:
            writer.write(b"a")


async def _slow_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: float) -> None:
    await _drip(reader, writer, _HEAD + b"X: ")


async def _slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: float) -> None:
    await _drip(reader, writer, _HEAD + b"Content-Length: 100000\r\n\r\n")


async def _reads_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Ask for a lot and read nothing of it; then look whether the other side has ended behind it."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40)
    await asyncio.sleep(seconds)
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    while await reader.read(65_536):
        pass


Slow = Callable[[asyncio.StreamReader, asyncio.StreamWriter, float], Awaitable[None]]
"""Is slow on a connection for as long as the other side lets it; at most for some seconds, if it can tell."""

_SLOW: dict[str, Slow] = {
    "slow headers": _slow_headers,
    "slow bodies": _slow_body,
    "answers not read": _reads_nothing,
}


async def _send(plan: Attack, number: int) -> Sent:
    """Send a body until it is taken or refused."""
    await asyncio.sleep(plan.seconds * number / plan.bodies / 2)
    framing = "chunked" if number % 2 else "declared"
    reader, writer = await _connect(plan.port)
    head = b"Transfer-Encoding: chunked\r\n\r\n" if framing == "chunked" else b"Content-Length: %d\r\n\r\n"
    writer.write(_HEAD + (head if framing == "chunked" else head % plan.body_bytes))
    piece = b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE) if framing == "chunked" else _PIECE
    status = asyncio.create_task(_status(reader))
    size = 0
    try:
        async with asyncio.timeout(_GIVE_UP_S):
            while size < plan.body_bytes and not status.done():
                writer.write(piece)
                await writer.drain()
                size += len(_PIECE)
            if framing == "chunked" and not status.done():  # taken to its end: without one no answer ever comes
                writer.write(b"0\r\n\r\n")
    except (OSError, TimeoutError):
        pass
    found = await status
    writer.transport.abort()
    return Sent(framing, size, found)


async def _status(reader: asyncio.StreamReader) -> int:
    try:
        async with asyncio.timeout(_GIVE_UP_S):
            line = await reader.readline()
            return int(line.split()[1]) if line else 0
    except (OSError, TimeoutError):
        return 0


async def _connect(port: int, receive_bytes: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    opened = socket.socket()
    if receive_bytes:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    opened.setblocking(False)
    await asyncio.get_running_loop().sock_connect(opened, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=opened, limit=receive_bytes or 65_536)


def longest(held: Sequence[Held], kind: str) -> float:
    """Return the seconds for which the longest connection of a kind was open."""
    return max((one.seconds for one in held if one.kind == kind), default=0.0)
