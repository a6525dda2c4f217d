import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.metrics import Metrics
from service.protocol import Protocol, release, whole_writer
from service.security.connection_counters import ConnectionCounters
from service.security.patrol import Patrol
from service.settings import Settings

pytestmark = pytest.mark.anyio

BODY = '{"label":"긍정"}'.encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
REQUEST = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


async def whole(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    write = whole_writer(scope)
    assert write is not None
    await write(200, HEADERS, BODY)


async def in_two_messages(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


@asynccontextmanager
async def served(app: object) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to an application behind the protocol, without lifespan and signals."""
    protocol = Protocol.watched_by(Patrol(Settings(), ConnectionCounters(Metrics())))
    config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", access_log=False)  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


async def answered(app: object, request: bytes, size: int = -1) -> bytes:
    async with served(app) as (reader, writer):
        writer.write(request)
        return await asyncio.wait_for(reader.readexactly(size) if size >= 0 else reader.read(), 5)


CLOSING = REQUEST.replace(b"host: x", b"host: x\r\nconnection: close")
VERSION_1_0 = REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0")


@pytest.mark.parametrize("request_bytes", [CLOSING, VERSION_1_0], ids=["closing", "http-1.0"])
async def test_a_whole_answer_is_byte_for_byte_what_uvicorn_would_send(request_bytes: bytes) -> None:
    answer = await answered(whole, request_bytes)
    assert answer == await answered(in_two_messages, request_bytes)
    assert answer.endswith(b"\r\n\r\n" + BODY)


async def test_a_connection_lives_on_and_requests_sent_ahead_are_answered_in_order() -> None:
    one = await answered(whole, CLOSING)
    size = len(one.replace(b"connection: close\r\n", b""))
    answers = await answered(whole, REQUEST * 3, size * 3)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answers.count(BODY) == 3


async def test_a_client_that_left_costs_no_error(caplog: pytest.LogCaptureFixture) -> None:
    left, wrote = asyncio.Event(), asyncio.Event()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        left.set()
        write = whole_writer(scope)
        assert write is not None
        await write(200, HEADERS, BODY)
        wrote.set()

    async with served(late) as (_, writer):
        writer.write(REQUEST)
        await writer.drain()
        writer.close()
        await asyncio.wait_for(left.wait(), 5)
        await asyncio.wait_for(wrote.wait(), 5)
    assert not caplog.records


async def test_a_connection_that_has_ended_is_forgotten_without_the_garbage_collector() -> None:
    """In a service that is attacked it comes too late: megabytes would wait for it."""
    requests: list[weakref.ref[object]] = []

    async def remembered(scope: Scope, receive: Receive, send: Send) -> None:
        write = whole_writer(scope)
        assert isinstance(write, partial)
        requests.append(weakref.ref(write.args[0]))
        try:
            await receive()
            await receive()
        finally:
            release(scope)

    gc.disable()
    try:
        for request in (REQUEST, REQUEST[:-1]):
            async with served(remembered) as (_, writer):
                writer.write(request)
            for _ in range(50):
                await asyncio.sleep(0.002)
    finally:
        gc.enable()
    assert [reference() for reference in requests] == [None, None]


async def test_another_server_offers_no_such_way() -> None:
    assert whole_writer({"type": "http"}) is None
    assert whole_writer({"type": "http", "extensions": {}}) is None
