import asyncio
import gc
import os
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service import protocol
from service.admission.gate import Arrival
from service.exchange import client_left, release, whole_writer
from service.metrics import Metrics
from service.problems import Answer, Header
from service.protocol import Protocol
from service.security.connection_counters import ConnectionCounters
from service.security.patrol import Patrol, Phase
from service.settings import Settings
from tests.fakes import OpenGate

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


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError


@asynccontextmanager
async def served(
    app: object, gate: object | None = None, connections: list[Protocol] | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to an application behind the protocol, without lifespan and signals."""
    kind = Protocol.behind(gate or OpenGate(), Patrol(Settings(), ConnectionCounters(Metrics())))  # type: ignore[arg-type]
    config = uvicorn.Config(app, http=kind, ws="none", lifespan="off", access_log=False)  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]
    loop = asyncio.get_running_loop()

    def connection() -> Protocol:
        made = kind(config, state, {})
        if connections is not None:
            connections.append(made)
        return made

    server = await loop.create_server(connection, "127.0.0.1", 0)
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
        writer.write(REQUEST.replace(b"/predict", b"/feedback"))
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


async def test_an_idle_connection_holds_nothing_of_what_answered_its_last_request() -> None:
    """Else a version that was replaced would stay in memory for as long as clients keep connections."""
    answering: ContextVar[object] = ContextVar("answering")
    versions: list[weakref.ref[object]] = []

    class Version:
        pass

    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        answering.set(version := Version())
        versions.append(weakref.ref(version))
        try:
            await whole(scope, receive, send)
        finally:
            release(scope)

    async with served(answers) as (reader, writer):
        for _ in range(2):
            writer.write(REQUEST)
            await reader.readuntil(BODY)
            await asyncio.sleep(0.01)
        assert [reference() for reference in versions] == [None, None]


@pytest.mark.parametrize("body", [b"{}", b"{"], ids=["whole", "answered before its end"])
async def test_an_idle_connection_holds_nothing_of_its_last_request(body: bytes) -> None:
    """Under overload a thousand such requests would be all that the garbage collector looks through."""
    cycles: list[weakref.ref[object]] = []
    connections: list[Protocol] = []

    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        write = whole_writer(scope)
        assert isinstance(write, partial)
        cycles.append(weakref.ref(write.args[0]))
        await write(200, HEADERS, BODY)
        release(scope)

    async with served(answers, connections=connections) as (reader, writer):
        for answered in (1, 2):
            writer.write(REQUEST.removesuffix(b"{}") + body)
            await reader.readuntil(BODY)
            writer.write(b"{}".removeprefix(body))
            await asyncio.sleep(0.01)
            assert [reference() for reference in cycles] == [None] * answered
            assert connections[0].doing() == (Phase.IDLE, answered)


async def test_another_server_offers_no_such_way() -> None:
    assert whole_writer({"type": "http"}) is None
    assert whole_writer({"type": "http", "extensions": {}}) is None


class Gated:
    """A gate that lets nobody through, and who came."""

    crowded = False

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.lefts = 0

    def passes(self, path: str) -> bool:
        return False

    def receive(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)

    def left(self) -> None:
        self.lefts += 1


REFUSED = Answer(429, [(b"retry-after", b"1")], b"{}")


async def arrived_at(gate: Gated, count: int = 1) -> list[Arrival]:
    while len(gate.arrivals) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return gate.arrivals


async def test_what_the_gate_lets_wait_is_answered_once_it_begins() -> None:
    gate = Gated()
    async with served(whole, gate) as (reader, writer):
        writer.write(CLOSING)
        [arrival] = await arrived_at(gate)
        assert (arrival.path, arrival.size, arrival.gone) == ("/predict", 2, False)
        arrival.begin()
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(BODY)


async def test_what_the_gate_refuses_never_reaches_the_application_and_the_connection_lives_on() -> None:
    gate = Gated()
    async with served(never, gate) as (reader, writer):
        for number in (1, 2):
            writer.write(REQUEST)
            arrivals = await arrived_at(gate, number)
            arrivals[-1].answer(REFUSED, f"order-{number}")
            answer = await asyncio.wait_for(reader.readuntil(b"{}"), 5)
            assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            assert b"x-request-id: order-%d\r\n" % number in answer
            assert b"connection: close" not in answer


async def test_the_rest_of_a_refused_body_is_dropped() -> None:
    gate = Gated()
    async with served(never, gate) as (reader, writer):
        writer.write(REQUEST.replace(b"content-length: 2\r\n\r\n{}", b"content-length: 100000\r\n\r\n"))
        [arrival] = await arrived_at(gate)
        arrival.answer(REFUSED, "a")
        assert b" 429 " in await asyncio.wait_for(reader.readuntil(b"{}"), 5)
        writer.write(b"x" * 100_000 + REQUEST)
        assert [each.size for each in await arrived_at(gate, 2)] == [0, 2]


async def test_a_client_that_waits_to_be_asked_for_its_body_is_refused_for_good() -> None:
    gate = Gated()
    async with served(never, gate) as (reader, writer):
        writer.write(REQUEST.replace(b"host: x", b"host: x\r\nexpect: 100-continue").removesuffix(b"{}"))
        [arrival] = await arrived_at(gate)
        arrival.answer(REFUSED, "a")
        answer = await asyncio.wait_for(reader.read(), 5)
        assert b"connection: close" in answer
        assert b"100 Continue" not in answer


async def test_a_thousand_requests_sent_ahead_are_refused_one_after_the_other() -> None:
    class Refusing(Gated):
        def receive(self, arrival: Arrival) -> None:
            super().receive(arrival)
            arrival.answer(REFUSED, "a")

    gate, connections = Refusing(), list[Protocol]()
    async with served(never, gate, connections) as (reader, writer):
        writer.write(REQUEST * 2000)
        for _ in range(2000):
            await asyncio.wait_for(reader.readuntil(b"{}"), 5)
        assert connections[0].doing() == (Phase.IDLE, 2000)
    assert len(gate.arrivals) == 2000


async def test_other_paths_do_not_pass_the_gate() -> None:
    gate = Gated()
    async with served(whole, gate) as (reader, writer):
        writer.write(CLOSING.replace(b"POST /predict", b"GET /health/live"))
        assert (await asyncio.wait_for(reader.read(), 5)).endswith(BODY)
    assert gate.arrivals == []


async def test_what_answers_a_client_that_left_is_cancelled_and_counted() -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            assert client_left(scope)
            cancelled.set()

    gate = OpenGate()
    async with served(slow, gate) as (_, writer):
        writer.write(REQUEST)
        await asyncio.wait_for(began.wait(), 5)
        writer.close()
        await asyncio.wait_for(cancelled.wait(), 5)
    assert gate.lefts == 1


async def test_a_client_that_left_at_the_gate_is_gone() -> None:
    gate = Gated()
    async with served(never, gate) as (_, writer):
        writer.write(REQUEST)
        [arrival] = await arrived_at(gate)
        writer.close()
        while not arrival.gone:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert gate.lefts == 1


async def test_a_client_that_leaves_with_its_answer_left_nothing() -> None:
    gate = OpenGate()
    async with served(whole, gate) as (reader, writer):
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(BODY), 5)
    await asyncio.sleep(0.01)
    assert gate.lefts == 0


@pytest.mark.parametrize("ahead", [1, 3])
async def test_what_was_sent_when_the_process_stops_is_answered_and_told_to_be_the_last(ahead: int) -> None:
    connections: list[Protocol] = []
    async with served(whole, connections=connections) as (reader, writer):
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(BODY), 5)
        connections[0].shutdown()
        writer.write(REQUEST * ahead)
        answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"connection: close") == 1


async def test_a_connection_on_which_nothing_comes_is_closed_a_moment_after_the_process_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "LINGER_S", 0.05)
    connections: list[Protocol] = []
    async with served(whole, connections=connections) as (reader, writer):
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(BODY), 5)
        connections[0].shutdown()
        await asyncio.sleep(0.01)
        assert not connections[0].transport.is_closing()
        assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_who_has_asked_just_when_the_process_would_close_the_connection_is_answered() -> None:
    connections: list[Protocol] = []
    async with served(whole, connections=connections) as (reader, writer):
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(BODY), 5)
        connections[0].shutdown()
        os.write(writer.get_extra_info("socket").fileno(), REQUEST)
        connections[0]._end_if_idle()
        answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in answer


class Crowded(Gated):
    """A gate at which somebody waits, that refuses whatever it sees whole."""

    crowded = True

    def meet(self, data: bytes, own: list[Header]) -> bytes | None:
        [(name, value)] = own
        head = b"HTTP/1.1 429 Too Many Requests\r\nx-request-id: raw\r\n%b: %b\r\n\r\n" % (name, value)
        return head + b"{}" if data == REQUEST else None


async def test_a_refused_request_is_never_taken_apart_and_the_connection_lives_on() -> None:
    gate = Crowded()
    async with served(never, gate) as (reader, writer):
        for _ in range(3):
            writer.write(REQUEST)
            answer = await asyncio.wait_for(reader.readuntil(b"{}"), 5)
            assert answer == b"HTTP/1.1 429 Too Many Requests\r\nx-request-id: raw\r\ndate: today\r\n\r\n{}"
    assert gate.arrivals == []


@pytest.mark.parametrize(
    "before",
    [b"POST /predict HTTP/1.1\r\nx: ", b"POST /predict HTTP/1.1\r\ncontent-length: 200\r\n\r\n"],
    ids=["within its headers", "within its body"],
)
async def test_what_looks_like_a_request_within_another_is_not_taken_for_one(before: bytes) -> None:
    gate = Crowded()
    async with served(never, gate) as (reader, writer):
        writer.write(before)
        await asyncio.sleep(0.02)
        writer.write(REQUEST)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readuntil(b"raw"), 0.05)


async def test_nothing_is_refused_ahead_of_an_answer_under_way() -> None:
    gate = Crowded()
    async with served(whole, gate) as (reader, writer):
        writer.write(REQUEST.replace(b"host: x", b"host: y"))
        [arrival] = await arrived_at(gate)
        writer.write(REQUEST)
        await asyncio.sleep(0.02)
        arrival.begin()
        assert (await asyncio.wait_for(reader.readuntil(BODY), 5)).startswith(b"HTTP/1.1 200")
        assert len(await arrived_at(gate, 2)) == 2


async def test_a_connection_on_which_something_is_refused_is_not_idle() -> None:
    connections: list[Protocol] = []
    gate = Crowded()
    gate.passes = lambda path: True  # type: ignore[method-assign]
    async with served(whole, gate, connections) as (reader, writer):
        writer.write(REQUEST.replace(b"host: x", b"host: y"))
        await asyncio.wait_for(reader.readuntil(BODY), 5)
        [connection] = connections
        before = connection.doing()
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(b"{}"), 5)
        phase, marker = connection.doing()
        assert phase is Phase.IDLE
        assert (phase, marker) != before
