"""Requests that wait at the gate as they came."""

import asyncio
from time import perf_counter

import pytest
from starlette.types import Receive, Scope, Send

from service.admission.gate import Arrival, Met
from service.admission.glance import glance
from service.exchange import arrived, whole_writer
from service.problems import Header
from service.protocol import Protocol
from service.security.patrol import Phase
from tests.service.test_protocol import BODY, CLOSING, HEADERS, REFUSED, REQUEST, Gated, never, served, whole

pytestmark = pytest.mark.anyio

CAME = 1000.0
"""When all that waits has come, in seconds of `perf_counter`."""


class Waiting(Gated):
    """A gate at which everything waits as it came."""

    crowded = True

    def meet(self, data: bytes, own: list[Header]) -> Met:
        seen = glance(data)
        assert seen is not None
        return Met(seen, CAME, perf_counter() + 60)

    def wait(self, arrival: Arrival, deadline: float) -> None:
        self.arrivals.append(arrival)


async def waiting(gate: Waiting) -> Arrival:
    while not gate.arrivals:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return gate.arrivals[-1]


async def test_what_waits_is_taken_apart_when_its_turn_has_come_and_answered_as_ever() -> None:
    gate, connections = Waiting(), list[Protocol]()
    since: list[float] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        since.append(arrived(scope))
        await whole(scope, receive, send)

    async with served(app, gate, connections) as (reader, writer):
        for _ in range(2):
            gate.arrivals.clear()
            writer.write(REQUEST)
            arrival = await waiting(gate)
            assert (arrival.path, arrival.size, arrival.gone, arrival.head.arrived) == ("/predict", 2, False, CAME)
            newest = connections[0].newest
            arrival.begin()
            assert connections[0].newest is not newest
            assert (await asyncio.wait_for(reader.readuntil(BODY), 5)).startswith(b"HTTP/1.1 200")
    assert since == [CAME, CAME]


async def test_the_application_cannot_tell_what_waited_from_what_was_begun_at_once() -> None:
    gate, scopes, bodies = Waiting(), list[Scope](), list[bytes]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append({name: value for name, value in scope.items() if name not in {"extensions", "client", "server"}})
        bodies.append((await receive())["body"])
        write = whole_writer(scope)
        assert write is not None
        await write(200, HEADERS, BODY)

    async with served(app, gate) as (reader, writer):
        writer.write(REQUEST)
        (await waiting(gate)).begin()
        await asyncio.wait_for(reader.readuntil(BODY), 5)
        gate.crowded, gate.passes = False, lambda path: True  # type: ignore[method-assign]
        writer.write(REQUEST)
        await asyncio.wait_for(reader.readuntil(BODY), 5)
    assert scopes[0] == scopes[1]
    assert bodies[0] == bodies[1] != b""


async def test_what_waits_may_be_answered_without_the_application_and_the_connection_lives_on() -> None:
    gate = Waiting()
    async with served(never, gate) as (reader, writer):
        for _ in range(2):
            gate.arrivals.clear()
            writer.write(REQUEST)
            (await waiting(gate)).answer(REFUSED, "order-1")
            answer = await asyncio.wait_for(reader.readuntil(b"{}"), 5)
            assert answer.startswith(b"HTTP/1.1 429 ")
            assert b"connection: close" not in answer


async def test_what_is_sent_ahead_comes_after_what_waits() -> None:
    gate = Waiting()
    async with served(whole, gate) as (reader, writer):
        writer.write(REQUEST)
        arrival = await waiting(gate)
        gate.passes = lambda path: True  # type: ignore[method-assign]
        writer.write(CLOSING)
        await asyncio.sleep(0.02)
        assert not arrival.gone
        arrival.begin()
        answers = await asyncio.wait_for(reader.read(), 5)
        assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert answers.index(b"connection: close") > answers.index(BODY)


async def test_who_left_while_it_waited_is_gone_counted_and_never_begun() -> None:
    gate = Waiting()
    async with served(never, gate) as (_, writer):
        writer.write(REQUEST)
        arrival = await waiting(gate)
        writer.close()
        await asyncio.sleep(0.02)
        assert arrival.gone
        assert gate.lefts == 1
        arrival.begin()
        await asyncio.sleep(0.01)


async def test_a_connection_whose_request_waits_is_not_idle() -> None:
    gate, connections = Waiting(), list[Protocol]()
    async with served(whole, gate, connections) as (_, writer):
        writer.write(REQUEST)
        await waiting(gate)
        assert connections[0].doing() == (Phase.WORK, 0)  # not the request, which would be kept


async def test_what_waits_when_the_process_stops_is_answered_and_told_to_be_the_last() -> None:
    gate, connections = Waiting(), list[Protocol]()
    async with served(whole, gate, connections) as (reader, writer):
        writer.write(REQUEST)
        arrival = await waiting(gate)
        connections[0].shutdown()
        arrival.begin()
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close\r\n" in answer


async def test_what_waits_and_turns_out_to_have_too_many_headers_is_told() -> None:
    gate = Waiting()
    async with served(never, gate) as (reader, writer):
        writer.write(REQUEST.replace(b"host: x\r\n", b"host: x\r\n" + b"x: y\r\n" * 200))
        (await waiting(gate)).begin()
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 431 ")
