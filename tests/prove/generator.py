"""The process that sends traffic: `python -m tests.prove.generator DIRECTORY`, as `tests.prove.traffic` starts it.

Requests are sent when they are due, whether or not earlier ones were answered, each on a connection of its own; if none
is free, another is opened. What the generator is late by counts as latency, so that it cannot hide (no coordinated
omission). A request costs it ten to fifteen microseconds.
"""

import asyncio
import gc
import json
import random
import sys
import time
from array import array
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import uvloop

from tests.prove.traffic import Sent

_TICK_S = 0.001
_PATIENCE_S = 10.0
_PROBE_S = 0.02
_MOST_CONNECTIONS = 8000
_AT_ONCE = 50
"""Connections that are opened at once before the first phase."""

_READY = b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n"
_READY_BODY = b'{"status":"ready"}'


class _Noted:
    """What is noted of the requests of one phase."""

    def __init__(self) -> None:
        self.began = perf_counter()
        self.due, self.status, self.latency, self.late, self.probes = (array("d") for _ in range(5))


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, generator: "_Generator") -> None:
        self.generator = generator
        self.transport: Any = None
        self.noted: _Noted | None = None
        self.due = self.sent = 0.0
        self.left = self.status = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.generator.free(self)

    def send(self, due: float, request: bytes, noted: _Noted) -> None:
        self.due, self.sent, self.noted = due, perf_counter(), noted
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
        else:
            end = data.index(b"\r\n\r\n") + 4
            length = data.index(b"content-length: ", 0, end) + 16
            self.left = end + int(data[length : data.index(b"\r", length)]) - len(data)
            self.status = int(data[9:12])
        if not self.left:
            self.note(self.status)
            self.generator.answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.noted is not None:
            self.note(0)
        self.generator.lost(self)

    def note(self, status: int) -> None:
        noted, self.noted = self.noted, None
        assert noted is not None
        self.generator.under_way -= 1
        noted.due.append(self.due - noted.began)
        noted.status.append(status)
        noted.latency.append(perf_counter() - self.due)
        noted.late.append(self.sent - self.due)


class _Generator:
    def __init__(self, port: int, messages: Sequence[bytes]) -> None:
        self.port = port
        self.messages = messages
        self.loop = asyncio.get_running_loop()
        self.idle: deque[_Connection] = deque()
        self.backlog: deque[tuple[float, _Noted]] = deque()
        self.number = self.connections = self.opening = self.under_way = 0
        self.closed_until = 0.0
        self.probes: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.noted = _Noted()

    def ask(self, due: float) -> None:
        """Send a request that is due, or let it wait for a connection."""
        self.backlog.append((due, self.noted))
        if self.idle:
            self.free(self.idle.pop())
        elif self.opening < len(self.backlog) and self.connections < _MOST_CONNECTIONS:
            self.loop.create_task(self.open())

    def free(self, connection: _Connection) -> None:
        """Use a connection for what waits."""
        if not self.backlog:
            self.idle.append(connection)
            return
        due, noted = self.backlog.popleft()
        self.number += 1
        self.under_way += 1
        connection.send(due, self.messages[self.number % len(self.messages)], noted)

    def answered(self, connection: _Connection) -> None:
        now = perf_counter()
        if now < self.closed_until:
            self.backlog.append((now, self.noted))
        self.free(connection)

    def lost(self, connection: _Connection) -> None:
        self.connections -= 1
        if connection in self.idle:
            self.idle.remove(connection)

    async def open(self) -> None:
        self.opening += 1
        self.connections += 1
        try:
            await self.loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
        except OSError:
            self.connections -= 1
        finally:
            self.opening -= 1

    async def connect(self, connections: int) -> None:
        """Have so many connections, so that the first requests do not wait for theirs."""
        while self.connections < connections:
            await asyncio.gather(*(self.open() for _ in range(min(_AT_ONCE, connections - self.connections))))

    async def open_loop(self, per_s: float, seconds: float) -> None:
        end = perf_counter() + seconds
        due = perf_counter() + random.expovariate(per_s)
        while due < end:
            now = perf_counter()
            while due <= now:
                self.ask(due)
                due += random.expovariate(per_s)
            await self.tick()

    async def closed_loop(self, connections: float, seconds: float) -> None:
        self.closed_until = perf_counter() + seconds
        for _ in range(int(connections)):
            self.ask(perf_counter())
        while perf_counter() < self.closed_until:
            await self.tick()

    async def tick(self) -> None:
        """Do what is to be done, then sleep: to wake it for each answer costs the service as much as half an answer."""
        await asyncio.sleep(0)
        time.sleep(_TICK_S)  # noqa: ASYNC251 - nothing shall wake it

    async def probe(self, noted: _Noted) -> None:
        """Ask for health again and again, whether or not the last one was answered: probes come from several places."""
        due = perf_counter()
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self.probe_once(due, noted))
                due += _PROBE_S
                await asyncio.sleep(max(0.0, due - perf_counter()))

    async def probe_once(self, due: float, noted: _Noted) -> None:
        """Ask for health, on a connection on which no other probe is under way."""
        reader, writer = await self.probing_connection()
        try:
            writer.write(_READY)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(len(_READY_BODY))
        finally:  # one that is given up in the end took at least so long
            noted.probes.append(perf_counter() - due)
        self.probes.append((reader, writer))

    async def probing_connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return one that was not closed meanwhile, as those are that are idle for half a minute."""
        while self.probes:
            reader, writer = self.probes.pop()
            if not reader.at_eof():
                return reader, writer
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def settle(self) -> None:
        """Wait until all is answered, or nothing more can be hoped for."""
        end = perf_counter() + _PATIENCE_S
        while (self.under_way or self.backlog) and perf_counter() < end:  # noqa: ASYNC110 - noted by hot callbacks
            await asyncio.sleep(_TICK_S)
        for due, noted in (*self.backlog, *((each.due, each.noted) for each in self.idle if each.noted is not None)):
            noted.due.append(due - noted.began)
            noted.status.append(0)
            noted.latency.append(perf_counter() - due)
            noted.late.append(perf_counter() - due)


async def _run(directory: Path) -> None:
    plan = json.loads(directory.joinpath("plan.json").read_text(encoding="utf-8"))
    generator = _Generator(plan["port"], [each.encode() for each in plan["messages"]])
    await generator.connect(plan["connections"])
    seen = []
    for kind, amount, seconds in plan["phases"]:
        noted = generator.noted = _Noted()
        probing = asyncio.create_task(generator.probe(noted))
        used_s = time.process_time()
        await (generator.open_loop if kind == "open" else generator.closed_loop)(amount, seconds)
        seen.append((noted, seconds, (time.process_time() - used_s) / seconds))
        if kind == "closed":
            await generator.settle()
        if probing.done():
            await probing  # raises what made a probe fail
        probing.cancel()
    await generator.settle()
    for number, (noted, seconds, busy) in enumerate(seen):
        arrays = map(np.asarray, (noted.due, noted.status, noted.latency, noted.late, noted.probes))
        np.savez(directory / f"{number}.npz", **dict(zip(Sent._fields, (seconds, busy, *arrays), strict=True)))


if __name__ == "__main__":
    gc.disable()
    uvloop.run(_run(Path(sys.argv[1])))
