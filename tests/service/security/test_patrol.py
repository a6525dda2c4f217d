import asyncio
import os

import pytest

from service.protocol import Protocol
from tests.service.security.wires import Served, serving

pytestmark = pytest.mark.anyio

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
AT_ONCE = 32
"""Connections that are ended in one turn of the event loop."""


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


async def look_at(served: Served, silent: int) -> None:
    """Let so many clients connect and be silent for too long; the first of them are ended."""
    for _ in range(silent):
        await served.connect()
    served.patrol.look()
    served.clock.now += 60
    served.patrol.look()


async def test_of_many_connections_that_are_due_few_are_ended_in_one_turn() -> None:
    """To end a thousand takes as long as to answer hundreds of requests."""
    async with serving() as served:
        await look_at(served, 2 * AT_ONCE + 1)
        for ended in (AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1):
            assert served.ended == {"headers_too_slow": ended}
            await asyncio.sleep(0)


async def test_who_asks_just_before_its_turn_to_be_ended_is_answered() -> None:
    async with serving() as served:
        await look_at(served, AT_ONCE + 1)
        [spared] = [each for each in served.patrol._connections if isinstance(each, Protocol) and not each.leaving]
        spared.data_received(GET)
        await served.turn()
        assert served.ended == {"headers_too_slow": AT_ONCE}
        assert len(served.requests) == 1


async def test_who_asks_just_when_its_connection_is_due_is_answered() -> None:
    """In a turn of milliseconds, what it sends waits in the kernel; closed with that, the connection would be reset."""
    async with serving(keep_alive_s=30, header_timeout_s=30) as served:
        idle, first, later, silent, mute = [await served.connect() for _ in range(5)]
        for wire in (idle, later, silent):
            await wire.send(GET)
            await wire.answer()
        await later.send(GET[:20])
        served.patrol.look()
        served.clock.now += 31
        for wire, rest in ((idle, GET), (first, GET), (later, GET[20:])):
            os.write(wire.writer.get_extra_info("socket").fileno(), rest)
        served.patrol.look()
        for wire in (idle, first, later):
            assert (await wire.answer()).status == 200
        for wire in (silent, mute):
            assert await wire.end() == b""
