import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.errors import ExplanationsBusyError, ExplanationTimeoutError, NotReadyError
from service.explain.asking import ExplainingProcess
from service.explain.counters import ExplanationCounters
from service.explain.frames import Reply
from service.metrics import Metrics

pytestmark = pytest.mark.anyio

READ = """
import os, struct, sys, time
questions, answers = sys.stdin.buffer, sys.stdout.buffer
while head := questions.read(4):
    question = questions.read(struct.unpack("<I", head)[0])
"""
"""The beginning of a stand-in for the process: it reads questions."""

ECHO = READ + "    answers.write(struct.pack('<BI', 0, len(question)) + question); answers.flush()\n"
DIE = READ + "    if question == b'die': answers.write(b'half'); answers.flush(); os._exit(9)\n" + ECHO[len(READ) :]
SLEEP = READ + "    time.sleep(30 if question == b'sleep' else 0)\n" + ECHO[len(READ) :]
ENVIRONMENT = READ + "    question = os.environ['OPENBLAS_NUM_THREADS'].encode()\n" + ECHO[len(READ) :]


@asynccontextmanager
async def running(code: str, most: int = 4, metrics: Metrics | None = None) -> AsyncIterator[ExplainingProcess]:
    counters = ExplanationCounters(metrics or Metrics())
    process = ExplainingProcess(Path("store"), most, counters, (sys.executable, "-c", code))
    try:
        yield process
    finally:
        await process.end()


async def test_one_process_answers_all_questions_each_with_its_own_answer() -> None:
    metrics = Metrics()
    async with running(ECHO, most=20, metrics=metrics) as process:
        questions = [str(number).encode() * 1_000 * number for number in range(20)]
        replies = await asyncio.gather(*(process.ask(question) for question in questions))
        assert replies == [Reply("answered", question) for question in questions]
    value = metrics.registry.get_sample_value
    assert value("sentiment_explaining_process_starts_total") == 1
    assert value("sentiment_explanation_duration_seconds_count") == 20
    assert value("sentiment_explanations_pending") == 0


async def test_nothing_is_started_before_it_is_needed() -> None:
    metrics = Metrics()
    async with running(ECHO, metrics=metrics):
        await asyncio.sleep(0)
    assert metrics.registry.get_sample_value("sentiment_explaining_process_starts_total") == 0


async def test_too_many_questions_are_refused_and_those_before_them_answered() -> None:
    async with running(ECHO, most=2) as process:
        taken = [asyncio.create_task(process.ask(b"a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ExplanationsBusyError) as refused:
            await process.ask(b"b")
        assert refused.value.retry_after_s == 1
        assert await asyncio.gather(*taken) == [Reply("answered", b"a")] * 2
        assert await process.ask(b"c") == Reply("answered", b"c")


async def test_a_process_that_dies_is_started_anew() -> None:
    async with running(DIE) as process:
        assert await process.ask(b"a") == Reply("answered", b"a")
        with pytest.raises(NotReadyError, match="died and is started anew"):
            await process.ask(b"die")
        assert await process.ask(b"b") == Reply("answered", b"b")


async def test_a_process_that_died_between_two_questions_is_started_anew() -> None:
    async with running(READ + ECHO[len(READ) :].rstrip() + "; os._exit(0)\n") as process:
        for _ in range(3):
            assert await process.ask(b"a") == Reply("answered", b"a")
            await asyncio.sleep(0.3)


async def test_a_question_that_takes_too_long_is_given_up_with_its_process_and_the_next_gets_its_own_answer() -> None:
    async with running(SLEEP) as process:
        process.deadline_s = 1.0
        with pytest.raises(ExplanationTimeoutError, match="after 1 seconds"):
            await process.ask(b"sleep")
        process.deadline_s = 20.0
        assert await process.ask(b"next") == Reply("answered", b"next")
        assert process.pending == 0


async def test_whoever_waits_longer_than_the_deadline_is_given_up_without_the_process() -> None:
    async with running(SLEEP) as process:
        working = asyncio.create_task(process.ask(b"sleep"))
        await asyncio.sleep(0)
        process.deadline_s = 0.2
        with pytest.raises(ExplanationTimeoutError):
            await process.ask(b"next")
        assert not working.done()
        working.cancel()


async def test_a_caller_who_leaves_takes_no_answer_from_the_next() -> None:
    async with running(SLEEP) as process:
        leaving = asyncio.create_task(process.ask(b"sleep"))
        await asyncio.sleep(0.5)
        leaving.cancel()
        assert await process.ask(b"next") == Reply("answered", b"next")


async def test_at_the_end_nobody_waits_for_it() -> None:
    async with running(SLEEP) as process:
        asking = asyncio.create_task(process.ask(b"sleep"))
        await asyncio.sleep(0.5)
        await process.end()
        with pytest.raises(NotReadyError):
            await asking
        with pytest.raises(NotReadyError, match="about to end"):
            await process.ask(b"a")


async def test_its_arithmetic_takes_one_thread() -> None:
    async with running(ENVIRONMENT) as process:
        assert await process.ask(b"") == Reply("answered", b"1")
