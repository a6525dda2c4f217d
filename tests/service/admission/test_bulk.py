import asyncio
from math import inf

import pytest

from service.admission import bulk
from service.admission.bulk import BulkLane
from service.errors import DeadlineTooNearError, OverloadError

pytestmark = pytest.mark.anyio

PLACES = 4


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(bulk, "perf_counter", clock)
    return clock


class Batches:
    """Batches that want a place, and those that have one."""

    def __init__(self, lane: BulkLane) -> None:
        self.lane = lane
        self.working: list[int] = []
        self.done = asyncio.Event()

    async def work(self, number: int, size: int = 1000) -> None:
        async with self.lane.place(size, inf):
            self.working.append(number)
            await self.done.wait()

    async def start(self, count: int, size: int = 1000) -> "list[asyncio.Task[None]]":
        tasks = [asyncio.create_task(self.work(number, size)) for number in range(count)]
        await asyncio.sleep(0)
        return tasks

    async def end(self, tasks: "list[asyncio.Task[None]]") -> None:
        self.done.set()
        await asyncio.wait(tasks)


async def test_a_few_work_at_a_time_and_the_others_follow_in_their_order() -> None:
    batches = Batches(BulkLane(60))
    tasks = await batches.start(10)
    assert batches.working == list(range(PLACES))
    await batches.end(tasks)
    assert batches.working == list(range(10))
    assert batches.lane.pending == 0


async def test_one_that_leaves_while_it_waits_or_works_gives_its_place_to_the_next() -> None:
    batches = Batches(BulkLane(60))
    tasks = await batches.start(10)
    tasks[0].cancel()
    tasks[PLACES].cancel()
    await asyncio.wait([tasks[0], tasks[PLACES]])
    await asyncio.sleep(0)
    assert batches.working == [*range(PLACES), PLACES + 1]
    await batches.end(tasks)
    assert batches.lane.pending == 0


async def test_one_that_would_wait_too_long_is_refused_and_told_when_there_will_be_room(clock: Clock) -> None:
    lane = BulkLane(longest_wait_s=0.25)
    batches = Batches(lane)
    lane.pace.unit_s = 1e-3
    lane.pace.unit_s = 0.0
    tasks = await batches.start(PLACES)
    lane.pace.unit_s = 0.625e-3  # two and a half seconds, of one
    refused = lane.refusal(10, inf)
    assert isinstance(refused, OverloadError)
    assert refused.retry_after_s == 2
    with pytest.raises(OverloadError):
        await lane.place(10, inf).__aenter__()
    await batches.end(tasks)
    assert lane.pending == 0


async def test_one_for_which_a_place_is_free_comes_in_however_long_the_others_take(clock: Clock) -> None:
    lane = BulkLane(longest_wait_s=0.25)
    batches = Batches(lane)
    tasks = await batches.start(PLACES - 1)
    lane.pace.unit_s = 1.0
    assert lane.refusal(1000, inf) is None
    await batches.end(tasks)


async def test_one_that_would_be_answered_after_its_deadline_is_refused(clock: Clock) -> None:
    lane = BulkLane(longest_wait_s=60)
    batches = Batches(lane)
    lane.pace.unit_s = 1e-3
    tasks = await batches.start(1)
    assert lane.refusal(1000, clock.now + 2.1) is None
    assert isinstance(lane.refusal(1000, clock.now + 1.9), DeadlineTooNearError)
    await batches.end(tasks)


async def test_one_that_finds_nothing_to_wait_for_always_comes_in() -> None:
    lane = BulkLane(longest_wait_s=0.001)
    lane.pace.unit_s = 10
    async with lane.place(1_000_000, 0.0):
        assert lane.pending == 1_000_000


@pytest.mark.parametrize("byte_s", [1e-6, 1e-5])
async def test_the_pace_is_what_was_done_in_the_time_in_which_there_was_something_to_do(
    clock: Clock, byte_s: float
) -> None:
    lane = BulkLane(60)
    for _ in range(60):
        clock.now += 100  # nothing to do
        async with lane.place(10_000, inf):
            clock.now += 5_000 * byte_s
            async with lane.place(10_000, inf):
                clock.now += 15_000 * byte_s
    assert lane.pace.unit_s == pytest.approx(byte_s, rel=0.3)
