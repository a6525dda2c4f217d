"""Batches whatever is waiting, without a timer.

Small work is done on the event loop at the end of the turn in which it arrived, all of that turn in one call: that
costs less than handing it to a thread, and a request as a whole a quarter less than with a call for each. Big work goes
to a thread of its own; while a round of it runs, more may arrive, and when it ends, that is the next round. So a single
text never waits behind a bulk request.
"""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import NamedTuple

from service.engines import Engine, Rows
from service.errors import InferenceError, QueueFullError
from service.logs import log_exception
from service.metrics import ModelMetrics
from service.scoring import Probabilities, Scored, score_rows
from service.telemetry.trail import Stage, Trace, Trail, current

_ROUND = 4
"""Full batches that one round in the thread may take; more let rows of like length meet, fewer end sooner."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much may wait and run.

    Attributes:
        queue_rows: rows that may be pending; a request that finds none pending is always let in.
        batch_tokens: the largest call of the engine, as rows times longest row.
        inline_tokens: the same for calls made on the event loop; 0 for none.
    """

    queue_rows: int
    batch_tokens: int
    inline_tokens: int


class _Job(NamedTuple):
    """The rows that a request handed over, when (perf_counter), the future that it waits for, and the request."""

    rows: Rows
    longest: int
    arrived: float
    future: "asyncio.Future[list[Probabilities]]"
    trail: Trail | None


class Batcher:
    """The queue in front of one engine. Its methods belong to the event loop.

    Args:
        engine: what scores the rows.
        metrics: where calls, waits and failures are counted.
        limits: how much may wait and run.
    """

    def __init__(self, engine: Engine, metrics: ModelMetrics, limits: BatchLimits) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limits = limits
        self._small: deque[_Job] = deque()
        self._big: deque[_Job] = deque()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._round_running = False
        self._idle: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0
        """Rows that were admitted and not yet released."""

    def admit(self, rows: int) -> "Admission":
        """Let the rows of a request in: `with batcher.admit(n):` around all it does with this version.

        Raises:
            QueueFullError: if too many are pending already.
        """
        if self.pending and self.pending + rows > self._limits.queue_rows:
            raise QueueFullError(self.pending, self._limits.queue_rows)
        return Admission(self, rows)

    def hold(self) -> "Admission":
        """Keep the version from being closed while it scores for nobody who waits; never refused."""
        return Admission(self, 1)

    def submit(self, rows: Rows) -> "asyncio.Future[list[Probabilities]]":
        """Hand rows over, none of them empty; call it inside of an admission.

        Returns:
            A future of their probabilities, in their order. It fails with `InferenceError` if one of them does, and
            may be cancelled without any harm to others.
        """
        loop = self._loop = self._loop or asyncio.get_running_loop()  # to ask for it is a system call
        job = _Job(rows, max(map(len, rows)), perf_counter(), loop.create_future(), current())
        if len(rows) * job.longest > self._limits.inline_tokens:
            self._big.append(job)
            self._start_round()
        else:
            if not self._small:
                loop.call_soon(self._score_small)
            self._small.append(job)
        return job.future

    async def drain(self) -> None:
        """Wait until nothing is pending, then end the thread. Nothing may be admitted afterwards."""
        if self.pending:
            self._idle = asyncio.Event()
            await self._idle.wait()
        self._executor.shutdown(wait=False)

    def release(self, rows: int) -> None:
        """Take back an admission."""
        self.pending -= rows
        if self._idle and not self.pending:
            self._idle.set()

    def _score_small(self) -> None:
        """Score what arrived in this turn of the event loop; what one call cannot hold is left to the next turn."""
        started = perf_counter()
        jobs = _take(self._small, self._limits.inline_tokens)
        if self._small:
            asyncio.get_running_loop().call_soon(self._score_small)
        self._settle(jobs, score_rows(self._engine, _rows_of(jobs), self._limits.inline_tokens), started)

    def _start_round(self) -> None:
        """Let the thread score what is waiting, unless it is at work already."""
        if self._round_running:
            return
        jobs = _take(self._big, _ROUND * self._limits.batch_tokens)
        if not jobs:
            return
        self._round_running = True
        started = perf_counter()
        scoring = asyncio.get_running_loop().run_in_executor(
            self._executor, score_rows, self._engine, _rows_of(jobs), self._limits.batch_tokens
        )
        scoring.add_done_callback(lambda ended: self._end_round(jobs, ended, started))

    def _end_round(self, jobs: list[_Job], ended: "asyncio.Future[Scored]", started: float) -> None:
        self._round_running = False
        self._start_round()
        if error := ended.exception():
            log_exception("round_failed", error)
            places = range(sum(len(job.rows) for job in jobs))
            scored = Scored([[] for _ in places], {place: InferenceError("model_error") for place in places}, [])
            self._settle(jobs, scored, started)
        else:
            self._settle(jobs, ended.result(), started)

    def _settle(self, jobs: list[_Job], scored: Scored, started: float) -> None:
        """Answer every job whose caller is still there with its part of the rows, and count."""
        metrics = self._metrics
        for call in scored.calls:
            metrics.inference.observe(call.seconds)
            metrics.batch_size.observe(call.rows)
        for failure in scored.failures.values():
            metrics.failures[failure.error_type].add()
        end = 0
        for job in jobs:
            start, end = end, end + len(job.rows)
            metrics.queue_s.observe(started - job.arrived)
            if job.trail is not None and job.trail.trace is not None:
                _note(job.trail.trace, job, scored, started)
            if not job.future.done():
                _answer(job.future, scored, start, end)


class Admission:
    """The right of a request to hand rows over; while it lasts, the version is not closed."""

    __slots__ = ("_batcher", "_rows")

    def __init__(self, batcher: Batcher, rows: int) -> None:
        self._batcher = batcher
        self._rows = rows

    def __enter__(self) -> None:
        self._batcher.pending += self._rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self._batcher.release(self._rows)


def _answer(future: "asyncio.Future[list[Probabilities]]", scored: Scored, start: int, end: int) -> None:
    """Give a caller its part of the rows, or the first failure among them."""
    if scored.failures:
        failure = next((scored.failures[place] for place in range(start, end) if place in scored.failures), None)
        if failure:
            future.set_exception(failure)
            return
    future.set_result(scored.probabilities[start:end])


def _note(trace: Trace, job: _Job, scored: Scored, started: float) -> None:
    """Tell a trace how long the rows of a job waited, and in which company they were scored."""
    calls = scored.calls
    figures = {
        "rows": len(job.rows),
        "batch_rows": sum(call.rows for call in calls),
        "batch_calls": len(calls),
        "engine_us": round(sum(call.seconds for call in calls) * 1e6),
    }
    trace.stages.append(Stage("queue", job.arrived, started, {}))
    trace.stages.append(Stage("inference", started, perf_counter(), figures))


def _rows_of(jobs: list[_Job]) -> Rows:
    return jobs[0].rows if len(jobs) == 1 else [row for job in jobs for row in job.rows]


def _take(waiting: deque[_Job], tokens: int) -> list[_Job]:
    """Remove and return jobs in their order, as many as make at most `tokens` when padded, but at least one.

    Jobs whose caller left are dropped on the way.
    """
    jobs: list[_Job] = []
    rows, longest = 0, 0
    while waiting:
        job = waiting[0]
        if not job.future.done():
            rows, longest = rows + len(job.rows), max(longest, job.longest)
            if jobs and rows * longest > tokens:
                break
            jobs.append(job)
        waiting.popleft()
    return jobs
