import asyncio
from math import inf
from time import perf_counter

import pytest

from service.admission.bulk import LARGE_BYTES
from service.admission.entrance import Entrance
from service.errors import DeadlineError
from service.metrics import Metrics
from service.settings import Settings

pytestmark = pytest.mark.anyio


def entrance() -> Entrance:
    return Entrance.of(Settings(), Metrics())


async def test_only_a_large_batch_takes_a_place_among_the_large() -> None:
    rules = entrance()
    async with rules.batch(LARGE_BYTES, inf):
        assert rules.bulk.pending == 0
    async with rules.batch(LARGE_BYTES + 1, perf_counter() + 60):
        assert rules.bulk.pending == LARGE_BYTES + 1
    assert rules.bulk.pending == 0


@pytest.mark.parametrize("size", [100, 100_000])
async def test_a_batch_ends_at_its_deadline(size: int) -> None:
    rules = entrance()
    with pytest.raises(DeadlineError):
        async with rules.batch(size, perf_counter() + 0.01):
            await asyncio.sleep(60)
    assert rules.bulk.pending == 0


async def test_a_batch_ends_at_its_deadline_while_it_waits_for_a_place() -> None:
    rules = entrance()
    held = [rules.bulk.place(100_000, inf) for _ in range(4)]
    rules.bulk.pace.unit_s = 0
    for place in held:
        await place.__aenter__()
    with pytest.raises(DeadlineError):
        async with rules.batch(100_000, perf_counter() + 0.01):
            pytest.fail("it got a place")
    for place in held:
        await place.__aexit__(None, None, None)
    assert rules.bulk.pending == 0


async def test_what_is_cancelled_from_outside_is_not_called_late() -> None:
    rules = entrance()

    async def work() -> None:
        async with rules.batch(100_000, perf_counter() + 60):
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
