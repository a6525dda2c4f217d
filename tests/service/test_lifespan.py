import asyncio

import pytest
from fastapi import FastAPI

from service import lifespan
from service.lifespan import Beside, lifespan_of
from service.metrics import Metrics
from service.model import Model
from service.readiness import Readiness
from service.registry import Registry

pytestmark = pytest.mark.anyio


def never(_: object) -> Model:
    raise AssertionError


def readiness() -> Readiness:
    return Readiness(Registry(never, Metrics()), "gru")


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_runs_beside_the_requests_ends_before_what_it_needs_is_closed() -> None:
    happened: list[str] = []

    async def run() -> None:
        try:
            await forever()
        finally:
            happened.append("cancelled")

    async def drain() -> None:
        happened.append("drained")

    async def close() -> None:
        happened.append("closed")

    ready = readiness()
    async with lifespan_of(Beside((run,), (drain, close)), ready)(FastAPI()):
        await asyncio.sleep(0)
        stopping = [ready.stopping]
    assert [*stopping, ready.stopping] == [False, True]
    assert happened == ["cancelled", "drained", "closed"]


async def test_what_does_not_end_in_time_is_given_up_and_leaves_time_to_the_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifespan, "DRAIN_S", 0.05)
    closed = asyncio.Event()

    async def close() -> None:
        await asyncio.sleep(0.05)
        closed.set()

    with caplog.at_level("INFO"):
        async with lifespan_of(Beside((), (forever, close)), readiness())(FastAPI()):
            pass
    assert closed.is_set()
    assert [record.getMessage() for record in caplog.records] == ["drain_given_up"]


async def test_what_failed_while_it_ran_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError

    closed = asyncio.Event()

    async def close() -> None:
        closed.set()

    async with lifespan_of(Beside((fail, forever), (close,)), readiness())(FastAPI()):
        await asyncio.sleep(0)
    assert closed.is_set()
    assert [record.getMessage() for record in caplog.records] == ["background_failed"]
