"""An application behind the protocol, on real sockets, whose clock stands still unless a test moves it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.metrics import Metrics
from service.protocol import Protocol
from service.security.connection_counters import ConnectionCounters
from service.security.patrol import Patrol
from service.settings import Settings
from tests.fakes import OpenGate

PATIENCE_S = 10


class Clock:
    """Gives the time that it was told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Answer(NamedTuple):
    """What came back: of the first answer status, headers and body, and whatever followed."""

    status: int
    headers: dict[str, str]
    body: bytes
    rest: bytes

    @property
    def problem(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        return str(json.loads(self.body)["type"]).removeprefix("urn:nunchi:problem:")


class Wire(NamedTuple):
    """A connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        """Return the next answer."""
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            headers = headers_of(head)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(head.split()[1]), headers, body, b"")

    async def last_answer(self) -> Answer:
        """Return the next answer, after which the connection must end."""
        answer = await self.answer()
        return answer._replace(rest=await self.end())

    async def end(self) -> bytes:
        """Return what is still to come until the other side ends the connection."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()


class Served:
    """A server.

    Attributes:
        patrol: which looks when it is told to.
        clock: what it takes for the time.
        requests: that reached the application, with their bodies or `left`.
        counters: of connections.
    """

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.counters = ConnectionCounters(Metrics())
        self.patrol = Patrol(Settings(**limits), self.counters, self.clock)
        self.requests: list[tuple[Scope, bytes | None]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.answer = b"{}"
        self.reads = True
        self._address: tuple[str, int] = ("", 0)
        self._wires: list[Wire] = []

    @property
    def ended(self) -> dict[str, float]:
        return {reason: counter.value for reason, counter in self.counters.ended.items() if counter.value}

    async def connect(self, **options: Any) -> Wire:
        wire = Wire(*await asyncio.open_connection(*self._address, **options))
        self._wires.append(wire)
        await self.turn()
        return wire

    async def turn(self, times: int = 20) -> None:
        """Let what was sent arrive."""
        for _ in range(times):
            await asyncio.sleep(0.001)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass between two looks."""
        await self.turn()
        self.patrol.look()
        self.clock.now += seconds
        self.patrol.look()
        await self.turn()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, wait for the gate, answer; unless it is not to read, or the client leaves."""
        body: bytes | None = b""
        more = self.reads
        while more:
            message = await receive()
            if message["type"] != "http.request":
                self.requests.append((scope, None))
                return
            body = (body or b"") + message["body"]
            more = message["more_body"]
        self.requests.append((scope, body))
        await self.gate.wait()
        headers = [(b"content-length", b"%d" % len(self.answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.answer})


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[Served]:
    served = Served(**limits)
    protocol = Protocol.behind(OpenGate(), served.patrol)  # type: ignore[arg-type]
    config = uvicorn.Config(
        served,
        http=protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    served._address = server.sockets[0].getsockname()
    try:
        yield served
    finally:
        server.close()
        for wire in served._wires:
            wire.writer.transport.abort()
        for connection in list(state.connections):
            connection.transport.abort()
        await served.turn()


def headers_of(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
