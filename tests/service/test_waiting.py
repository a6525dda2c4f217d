"""What a request is told of its waiting, before and after: who must wait too long, and what its trace says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from threading import Event
from time import perf_counter

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.layout import VersionRef
from service.batching import Batcher, BatchLimits
from service.cost import Cost
from service.engines import Rows
from service.errors import DeadlineError, DeadlineTooNearError, InferenceError, OverloadError
from service.heads import Head
from service.metrics import Metrics
from service.telemetry.trail import Trace, begin
from tests.fakes import FakeEngine

pytestmark = pytest.mark.anyio


def batcher(
    engine: FakeEngine, *, inline_tokens: int = 0, longest_wait_s: float = inf, batch_tokens: int = 1000
) -> Batcher:
    metrics = Metrics().for_model(VersionRef("gru", 1), ["negative", "positive"])
    return Batcher(engine, metrics, BatchLimits(1000, batch_tokens, inline_tokens, longest_wait_s))


@asynccontextmanager
async def occupied(batcher: Batcher, gate: Event, cost: Cost, round_ends_in_s: float = 0) -> AsyncIterator[None]:
    """Keep the thread in a round that is predicted to end then; what waits costs as said."""
    first = batcher.submit([[1]])
    await asyncio.sleep(0.02)
    batcher._cost, batcher._round_ends = cost, perf_counter() + round_ends_in_s
    try:
        yield
    finally:
        gate.set()
        await first


def refusal(batcher: Batcher, deadline: float = inf) -> int:
    """Return after how many seconds a text is asked to come again."""
    with pytest.raises((OverloadError, DeadlineTooNearError)) as refused:
        batcher.admit(1, deadline)
    assert refused.value.retry_after_s is not None
    return refused.value.retry_after_s


async def test_the_wait_is_what_is_left_of_the_round_and_what_stands_before() -> None:
    gate = Event()
    waiting = batcher(FakeEngine(gate=gate), longest_wait_s=10)
    async with occupied(waiting, gate, Cost(round_s=2.0, token_s=1.0), round_ends_in_s=20):
        text = waiting.submit([[1] * 5])
        assert refusal(waiting) == 17  # 20 of the round, 2 for a round and 5 for its tokens, beyond the 10 allowed
    await text


async def test_a_round_that_takes_longer_than_was_expected_is_expected_to_take_as_much_again() -> None:
    gate = Event()
    waiting = batcher(FakeEngine(gate=gate), longest_wait_s=10)
    async with occupied(waiting, gate, Cost(round_s=0.0, token_s=1.0), round_ends_in_s=-20):
        text = waiting.submit([[1] * 5])
        assert refusal(waiting) in (15, 16)
    await text


async def test_what_needs_several_rounds_waits_for_each() -> None:
    gate = Event()
    waiting = batcher(FakeEngine(gate=gate), longest_wait_s=1.5, batch_tokens=10)
    async with occupied(waiting, gate, Cost(round_s=7.0, token_s=0.0)):
        texts = [waiting.submit([[1] * 10]) for _ in range(9)]  # 90 tokens, 40 of them a round
        assert refusal(waiting) == 20  # three of 7, beyond the 1.5 allowed
    await asyncio.gather(*texts)


async def test_beside_large_batches_single_texts_have_three_quarters_of_the_engine() -> None:
    gate = Event()
    waiting = batcher(FakeEngine(gate=gate), longest_wait_s=1.5)
    async with occupied(waiting, gate, Cost(round_s=0.0, token_s=1.0)):
        texts = [waiting.submit([[1] * 30])]
        assert refusal(waiting) == 29
        texts.append(waiting.submit([[1]] * 40, bulk=True))
        assert refusal(waiting) == 39
    await asyncio.gather(*texts)


async def test_a_deadline_before_the_predicted_answer_is_refused_with_how_much_it_lacks() -> None:
    gate = Event()
    waiting = batcher(FakeEngine(gate=gate))
    async with occupied(waiting, gate, Cost(round_s=0.0, token_s=1.0)):
        text = waiting.submit([[1] * 30])
        assert refusal(waiting, perf_counter() + 12.5) == 18
        waiting.admit(1, perf_counter() + 31)
    await text


async def test_rounds_teach_what_the_next_will_take() -> None:
    class Clockwork(FakeEngine):
        def score(self, rows: Rows) -> NDArray[np.float32]:
            Event().wait(0.05)
            return super().score(rows)

    learning = batcher(Clockwork())
    for _ in range(12):
        await learning.submit([[1] * 10])
    assert learning._cost.seconds(10) == pytest.approx(0.05, rel=0.3)
    begun = perf_counter()
    last = learning.submit([[1] * 10])
    await asyncio.sleep(0)
    assert learning._round_ends - begun == pytest.approx(0.05, rel=0.4)
    await last


async def test_as_much_as_may_be_done_on_the_event_loop_is_and_no_token_more() -> None:
    loop_only = batcher(FakeEngine(inline=True), inline_tokens=10)
    just, beyond = loop_only.submit([[1] * 10]), loop_only.submit([[1] * 11])
    await asyncio.sleep(0)
    assert just.done()
    assert not beyond.done()
    await beyond


async def test_what_four_turns_cannot_hold_goes_to_the_thread_at_once() -> None:
    gate = Event()
    busy = batcher(FakeEngine(inline=True, gate=gate), inline_tokens=10)
    texts = [busy.submit([[1] * 10]) for _ in range(5)]
    assert (busy._small.tokens, busy._round_running) == (40, True)
    gate.set()
    await asyncio.gather(*texts)


async def test_a_deadline_of_half_a_moment_is_kept_while_the_thread_works() -> None:
    gate = Event()
    slow = batcher(FakeEngine(gate=gate))
    begun = perf_counter()
    with pytest.raises(DeadlineError):
        await slow.submit([[1]], begun + 0.05)
    assert perf_counter() - begun < 0.6
    gate.set()


async def test_what_nobody_gave_a_deadline_has_no_timer() -> None:
    slow = batcher(FakeEngine())
    text = slow.submit([[1]])
    [job] = slow._prompt.take(10)
    assert job.timer is None
    await asyncio.sleep(0)
    assert not text.done()  # it was taken away above


async def test_of_two_that_come_in_one_turn_the_second_waits_no_longer_than_the_first() -> None:
    """Long after the last round, whose end says nothing of the next."""
    waiting = batcher(FakeEngine(), longest_wait_s=10)
    await waiting.submit([[1]])
    waiting._round_ends -= 60
    with waiting.admit(1):
        first = waiting.submit([[1]])
    with waiting.admit(1):
        await asyncio.gather(first, waiting.submit([[2]]))


async def test_holding_a_version_counts_as_one_text_that_waits() -> None:
    held = batcher(FakeEngine())
    with held.hold():
        assert held.pending == 1
    assert held.pending == 0


async def test_a_round_that_fails_as_a_whole_fails_every_row_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class OddError(BaseException):
        pass

    def odd(rows: Rows) -> NDArray[np.float32]:
        raise OddError

    failing = batcher(FakeEngine(answer=odd))
    outcomes = await asyncio.gather(failing.submit([[1], [2]]), failing.submit([[3]]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [InferenceError, InferenceError]
    assert [str(outcome.error_type) for outcome in outcomes if isinstance(outcome, InferenceError)] == [
        "model_error"
    ] * 2
    assert "round_failed" in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("inline_tokens", [0, 100])
async def test_a_trace_tells_how_long_rows_waited_and_in_which_company_they_were_scored(inline_tokens: int) -> None:
    traced = batcher(FakeEngine(inline=bool(inline_tokens)), inline_tokens=inline_tokens)
    trail = begin("request", Head.of([]))
    trail.trace = Trace("0" * 32, "0" * 16, None, lambda trace, stage: None)
    before = perf_counter()
    await asyncio.gather(traced.submit([[1], [2, 3]]))
    after = perf_counter()
    queue, inference = trail.trace.stages
    assert (queue.name, queue.figures, inference.name) == ("queue", {}, "inference")
    assert before <= queue.started <= queue.ended == inference.started <= inference.ended <= after
    figures = dict(inference.figures)
    engine_us = figures.pop("engine_us")
    assert figures == {"rows": 2, "batch_rows": 2, "batch_calls": 1}
    assert isinstance(engine_us, int)
    assert 0 < engine_us <= (inference.ended - inference.started) * 1e6


async def test_without_a_trace_nothing_is_noted() -> None:
    trail = begin("request", Head.of([]))
    await batcher(FakeEngine(inline=True), inline_tokens=100).submit([[1]])
    assert trail.trace is None
