import asyncio
from math import inf

import pytest

from service.errors import DeadlineError
from service.rounds import Job, Queue, next_round

pytestmark = pytest.mark.anyio


def job(rows: int = 1, length: int = 10, deadline: float = inf) -> Job:
    future = asyncio.get_running_loop().create_future()
    return Job([[1] * length] * rows, rows * length, length, 0.0, deadline, future)


def queue(*jobs: Job) -> Queue:
    made = Queue()
    for each in jobs:
        made.put(each)
    return made


async def test_a_round_takes_what_fits_in_order_and_knows_what_is_left() -> None:
    jobs = [job() for _ in range(5)]
    waiting = queue(*jobs)
    assert waiting.take(30) == jobs[:3]
    assert waiting.tokens == 20
    assert waiting.take(1000) == jobs[3:]
    assert (waiting.tokens, bool(waiting)) == (0, False)


async def test_padding_counts() -> None:
    short, long = job(length=1), job(length=20)
    assert queue(short, long).take(30) == [short]


async def test_what_is_larger_than_a_round_is_one() -> None:
    large = job(rows=100)
    assert queue(large, job()).take(30) == [large]


async def test_what_nobody_waits_for_is_dropped_on_the_way() -> None:
    left, stays = job(), job()
    left.future.cancel()
    waiting = queue(left, stays)
    assert waiting.take(10) == [stays]
    assert waiting.tokens == 0


async def test_what_is_beyond_its_deadline_is_told_so_and_not_scored() -> None:
    late, in_time = job(deadline=1.0), job()
    assert queue(late, in_time).take(100) == [in_time]
    with pytest.raises(DeadlineError):
        late.future.result()


async def test_prompt_jobs_come_before_bulk_ones_which_always_get_a_part() -> None:
    prompt, bulk = queue(*(job() for _ in range(100))), queue(*(job() for _ in range(100)))
    for _ in range(10):
        taken = next_round(prompt, bulk, 80)
        assert len(taken) == 8
    assert (prompt.tokens, bulk.tokens) == (100 * 10 - 10 * 60, 100 * 10 - 10 * 20)


async def test_a_bulk_job_gets_its_turn_however_many_prompt_ones_keep_coming() -> None:
    bulk = job(rows=32)
    prompt, waiting = queue(*(job() for _ in range(1000))), queue(bulk)
    assert bulk in next_round(prompt, waiting, 80)


async def test_either_has_the_round_for_itself_if_the_other_is_empty() -> None:
    assert len(next_round(queue(*(job() for _ in range(20))), queue(), 80)) == 8
    assert len(next_round(queue(), queue(*(job() for _ in range(20))), 80)) == 8
    assert next_round(queue(), queue(), 80) == []


async def test_at_its_very_deadline_a_job_is_still_wanted() -> None:
    waiting = job(deadline=5.0)
    assert waiting.wanted(5.0)
    assert not waiting.wanted(5.001)
    assert isinstance(waiting.future.exception(), DeadlineError)
    assert not waiting.wanted(0.0)  # it was told, once and for all
