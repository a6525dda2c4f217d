import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event, current_thread
from time import perf_counter

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.layout import VersionRef
from service.batching import BULK_ROWS, Batcher, BatchLimits
from service.cost import Cost
from service.engines import Rows
from service.errors import DeadlineError, DeadlineTooNearError, InferenceError, OverloadError, QueueFullError
from service.metrics import Metrics, ModelMetrics
from service.scoring import Probabilities
from tests.fakes import POISON, FakeEngine, probability

pytestmark = pytest.mark.anyio


def metrics() -> ModelMetrics:
    return Metrics().for_model(VersionRef("gru", 1), ["negative", "positive"])


def limits(
    queue_rows: int = 100, batch_tokens: int = 1000, inline_tokens: int = 0, longest_wait_s: float = 60
) -> BatchLimits:
    return BatchLimits(queue_rows, batch_tokens, inline_tokens, longest_wait_s)


@asynccontextmanager
async def busy(batcher: Batcher, gate: Event) -> AsyncIterator["asyncio.Task[list[Probabilities]]"]:
    """Keep the engine's thread in a first round, while the block hands over what is to wait."""
    first = asyncio.create_task(submit(batcher, [[1]]))
    await asyncio.sleep(0.02)
    yield first
    gate.set()
    await asyncio.wait([first])


async def submit(batcher: Batcher, rows: list[list[int]]) -> list[Probabilities]:
    with batcher.admit(len(rows)):
        return await batcher.submit(rows)


async def test_small_work_of_one_turn_of_the_event_loop_is_one_call_at_its_end() -> None:
    engine = FakeEngine(inline=True)
    batcher = Batcher(engine, metrics(), limits(inline_tokens=10))
    futures = [batcher.submit([[row]]) for row in range(1, 6)]
    assert engine.calls == []
    await asyncio.sleep(0)
    assert all(future.done() for future in futures)
    assert engine.calls == [[[1], [2], [3], [4], [5]]]
    assert [future.result()[0][1] for future in futures] == pytest.approx([probability([row]) for row in range(1, 6)])


async def test_small_requests_of_a_turn_do_not_go_to_the_thread_because_they_are_many() -> None:
    engine = FakeEngine(inline=True)
    batcher = Batcher(engine, metrics(), limits(inline_tokens=6))
    futures = [batcher.submit([[row, row]]) for row in range(1, 13)]
    await asyncio.sleep(0)
    assert [future.done() for future in futures] == [True] * 12
    assert [len(call) for call in engine.calls] == [12]


async def test_what_is_too_much_for_a_turn_goes_to_the_thread() -> None:
    scored: Counter[str] = Counter()

    def answer(rows: Rows) -> NDArray[np.float32]:
        scored[current_thread().name] += len(rows)
        return np.tile(np.array([0.5, 0.5], dtype=np.float32), (len(rows), 1))

    batcher = Batcher(FakeEngine(inline=True, answer=answer), metrics(), limits(inline_tokens=6))
    await asyncio.gather(*(batcher.submit([[row, row]]) for row in range(1, 15)))
    assert scored == {current_thread().name: 12, "engine_0": 2}


async def test_one_failing_request_of_a_turn_leaves_its_neighbours_alone() -> None:
    batcher = Batcher(FakeEngine(inline=True), metrics(), limits(inline_tokens=10))
    tasks = [asyncio.create_task(submit(batcher, [[row]])) for row in (2, POISON, 3)]
    good, bad, also_good = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(bad, InferenceError)
    assert not isinstance(good, BaseException)
    assert not isinstance(also_good, BaseException)
    assert [good[0][1], also_good[0][1]] == pytest.approx([probability([2]), probability([3])])


async def test_a_client_that_leaves_within_the_turn_costs_nothing() -> None:
    engine = FakeEngine(inline=True)
    batcher = Batcher(engine, metrics(), limits(inline_tokens=10))
    leaving, staying = batcher.submit([[2]]), batcher.submit([[3]])
    leaving.cancel()
    await staying
    assert engine.calls == [[[3]]]


async def test_a_turn_that_every_client_left_calls_nothing() -> None:
    engine = FakeEngine(inline=True)
    batcher = Batcher(engine, metrics(), limits(inline_tokens=10))
    batcher.submit([[2]]).cancel()
    await asyncio.sleep(0)
    assert engine.calls == []


async def test_work_beyond_the_limit_leaves_the_event_loop() -> None:
    engine = FakeEngine(inline=True)
    batcher = Batcher(engine, metrics(), limits(inline_tokens=4))
    future = batcher.submit([[1, 2, 3, 4, 5]])
    assert not future.done()
    assert (await future)[0][1] == pytest.approx(probability([1, 2, 3, 4, 5]))


async def test_small_work_does_not_wait_for_big_work() -> None:
    gate = Event()
    batcher = Batcher(FakeEngine(gate=gate), metrics(), limits(inline_tokens=2))
    big = batcher.submit([[1, 2, 3]])
    small = asyncio.create_task(submit(batcher, [[7]]))
    gate.set()
    assert (await small)[0][1] == pytest.approx(probability([7]))
    assert (await big)[0][1] == pytest.approx(probability([1, 2, 3]))


async def test_rows_that_arrive_while_a_batch_runs_are_the_next_batch() -> None:
    gate = Event()
    engine = FakeEngine(gate=gate)
    batcher = Batcher(engine, metrics(), limits())
    async with busy(batcher, gate):
        waiting = [asyncio.create_task(submit(batcher, [[row]])) for row in range(2, 7)]
        await asyncio.sleep(0.02)
    answers = await asyncio.gather(*waiting)
    assert [answer[0][1] for answer in answers] == pytest.approx([probability([row]) for row in range(2, 7)])
    assert engine.calls == [[[1]], [[2], [3], [4], [5], [6]]]


async def test_big_work_of_one_turn_of_the_event_loop_is_one_batch_from_the_first() -> None:
    engine = FakeEngine()
    batcher = Batcher(engine, metrics(), limits())
    await asyncio.gather(*(batcher.submit([[row]]) for row in range(1, 6)))
    assert engine.calls == [[[1], [2], [3], [4], [5]]]


async def test_one_failing_request_leaves_its_neighbours_alone() -> None:
    gate = Event()
    batcher = Batcher(FakeEngine(gate=gate), metrics(), limits())
    async with busy(batcher, gate):
        tasks = [asyncio.create_task(submit(batcher, [[row]])) for row in (2, POISON, 3)]
        await asyncio.sleep(0.02)
    good, bad, also_good = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(bad, InferenceError)
    assert not isinstance(good, BaseException)
    assert not isinstance(also_good, BaseException)


@pytest.mark.parametrize("inline_tokens", [0, 100])
async def test_failures_are_counted_by_kind(inline_tokens: int) -> None:
    counted = metrics()
    batcher = Batcher(FakeEngine(), counted, limits(inline_tokens=inline_tokens))
    with pytest.raises(InferenceError):
        await submit(batcher, [[POISON], [2]])
    assert counted.failures["model_error"].value == 1
    assert counted.failures["bad_output"].value == 0


async def test_a_client_that_left_costs_nothing_and_harms_nobody() -> None:
    gate = Event()
    engine = FakeEngine(gate=gate)
    batcher = Batcher(engine, metrics(), limits())
    async with busy(batcher, gate):
        leaving, staying = (asyncio.create_task(submit(batcher, [[row]])) for row in (2, 3))
        await asyncio.sleep(0.02)
        leaving.cancel()
    assert (await staying)[0][1] == pytest.approx(probability([3]))
    assert engine.calls == [[[1]], [[3]]]
    assert batcher.pending == 0


async def test_a_client_that_leaves_while_its_batch_runs_harms_nobody() -> None:
    gate = Event()
    batcher = Batcher(FakeEngine(gate=gate), metrics(), limits())
    async with busy(batcher, gate) as leaving:
        leaving.cancel()
        staying = asyncio.create_task(submit(batcher, [[3]]))
        await asyncio.sleep(0.02)
    assert leaving.cancelled()
    assert (await staying)[0][1] == pytest.approx(probability([3]))


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    batcher = Batcher(FakeEngine(), metrics(), limits(queue_rows=4))
    with batcher.admit(3), pytest.raises(QueueFullError) as refusal:
        batcher.admit(2)
    assert refusal.value.retry_after_s == 1


async def test_an_empty_queue_lets_in_even_what_is_larger_than_itself() -> None:
    batcher = Batcher(FakeEngine(), metrics(), limits(queue_rows=4))
    assert len(await submit(batcher, [[1]] * 9)) == 9


async def test_room_is_given_back_even_when_a_request_fails() -> None:
    batcher = Batcher(FakeEngine(), metrics(), limits(queue_rows=4))
    with pytest.raises(InferenceError):
        await submit(batcher, [[POISON]])
    assert batcher.pending == 0


async def test_draining_waits_for_what_was_admitted() -> None:
    gate = Event()
    batcher = Batcher(FakeEngine(gate=gate), metrics(), limits())
    async with busy(batcher, gate) as first:
        draining = asyncio.create_task(batcher.drain())
        await asyncio.sleep(0.02)
        assert not draining.done()
    assert first.done()
    await draining


async def test_more_rows_than_one_round_holds_are_all_answered() -> None:
    batcher = Batcher(FakeEngine(), metrics(), limits(queue_rows=10_000))
    rows = [[row % 50 + 1] for row in range(3_000)]
    answers = await submit(batcher, rows)
    assert [answer[1] for answer in answers] == pytest.approx([probability(row) for row in rows])


async def test_rows_of_different_requests_do_not_mix() -> None:
    batcher = Batcher(FakeEngine(), metrics(), limits())
    requests = [[[first * 3 + row] for row in range(3)] for first in range(20)]
    answers = await asyncio.gather(*(submit(batcher, rows) for rows in requests))
    for rows, answer in zip(requests, answers, strict=True):
        assert [item[1] for item in answer] == pytest.approx([probability(row) for row in rows])


async def test_whatever_ends_a_round_its_callers_get_an_answer_and_the_next_round_runs() -> None:
    class OddError(BaseException):
        pass

    def odd(rows: Rows) -> NDArray[np.float32]:
        if len(engine.calls) == 1:
            raise OddError
        return np.full((len(rows), 2), 0.5, dtype=np.float32)

    engine = FakeEngine(answer=odd)
    batcher = Batcher(engine, metrics(), limits())
    with pytest.raises(InferenceError):
        await submit(batcher, [[1], [2]])
    assert await submit(batcher, [[3]]) == [[0.5, 0.5]]


async def test_a_version_that_is_held_is_not_closed() -> None:
    batcher = Batcher(FakeEngine(), metrics(), limits())
    with batcher.hold():
        draining = asyncio.create_task(batcher.drain())
        await asyncio.sleep(0)
        assert not draining.done()
    await asyncio.wait_for(draining, 5)


async def test_single_texts_come_before_a_large_batch_that_was_there_first() -> None:
    gate = Event()
    engine = FakeEngine(gate=gate)
    batcher = Batcher(engine, metrics(), limits(batch_tokens=8))
    async with busy(batcher, gate):
        bulk = [batcher.submit([[50]] * 16, bulk=True) for _ in range(8)]
        single = batcher.submit([[7]])
    await single
    assert not bulk[-1].done()
    await asyncio.gather(*bulk)


async def test_a_large_batch_is_not_starved_by_single_texts_that_keep_coming() -> None:
    engine = FakeEngine()
    batcher = Batcher(engine, metrics(), limits(batch_tokens=4))
    bulk = [batcher.submit([[50]], bulk=True) for _ in range(8)]
    while not all(future.done() for future in bulk):
        assert len(engine.calls) < 100
        await asyncio.gather(*(batcher.submit([[7]]) for _ in range(64)))


async def test_a_large_batch_leaves_the_event_loop_however_short_its_texts() -> None:
    batcher = Batcher(FakeEngine(inline=True), metrics(), limits(inline_tokens=100))
    future = batcher.submit([[1]], bulk=True)
    await asyncio.sleep(0)
    assert not future.done()
    await future


async def test_what_would_keep_the_event_loop_for_many_turns_goes_to_the_thread() -> None:
    gate = Event()
    batcher = Batcher(FakeEngine(inline=True, gate=gate), metrics(), limits(inline_tokens=10))
    futures = [batcher.submit([[1] * 10]) for _ in range(8)]
    gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert all(future.done() for future in futures[:4])
    await asyncio.gather(*futures)
    assert batcher.pending == 0


async def test_a_text_that_would_wait_too_long_for_the_thread_is_refused() -> None:
    gate = Event()
    batcher = Batcher(FakeEngine(gate=gate), metrics(), limits(longest_wait_s=10))
    async with busy(batcher, gate):
        batcher._cost = Cost(round_s=0.0, token_s=1.0)
        batcher._round_ends = perf_counter()
        waiting = [batcher.submit([[1] * 9])]
        batcher.admit(1)
        with pytest.raises(DeadlineTooNearError):
            batcher.admit(1, perf_counter() + 5)
        waiting.append(batcher.submit([[1] * 9]))
        with pytest.raises(OverloadError) as refused:
            batcher.admit(1)
        assert refused.value.retry_after_s in (8, 9)
        batcher.admit(BULK_ROWS + 1)  # waits as large batches do
    await asyncio.gather(*waiting)


async def test_rows_nobody_waits_for_any_longer_are_not_scored() -> None:
    gate = Event()
    engine = FakeEngine(gate=gate)
    batcher = Batcher(engine, metrics(), limits())
    async with busy(batcher, gate):
        late, in_time = batcher.submit([[2]], perf_counter() + 0.01), batcher.submit([[3]], perf_counter() + 60)
        with pytest.raises(DeadlineError):
            await late
    await in_time
    assert engine.calls == [[[1]], [[3]]]


async def test_whoever_waits_is_told_at_the_deadline_although_its_row_is_being_scored() -> None:
    gate = Event()
    engine = FakeEngine(gate=gate)
    batcher = Batcher(engine, metrics(), limits())
    late = batcher.submit([[2]], perf_counter() + 0.01)
    with pytest.raises(DeadlineError):
        await late
    gate.set()
    assert (await batcher.submit([[3]]))[0][1] == pytest.approx(probability([3]))
    assert engine.calls == [[[2]], [[3]]]


async def test_small_work_beyond_its_deadline_is_not_scored() -> None:
    engine = FakeEngine(inline=True)
    batcher = Batcher(engine, metrics(), limits(inline_tokens=10))
    late, in_time = batcher.submit([[2]], perf_counter() - 1), batcher.submit([[3]], perf_counter() + 60)
    await in_time
    with pytest.raises(DeadlineError):
        await late
    assert engine.calls == [[[3]]]
