"""Batches whatever is waiting, without a timer.

Small work is done on the event loop at the end of the turn in which it arrived, all of that turn at once: that costs
less than handing it to a thread, with which the loop would share the interpreter, and a request as a whole a quarter
less than with a call for each. Big work goes to a thread of its own, that of a turn as one round; while it runs, more
may arrive, and when it ends, that is the next round, single texts before large batches: none of them waits for more
than the round that runs.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from time import perf_counter
from types import TracebackType

from service.cost import Cost
from service.engines import Engine, Rows
from service.errors import DeadlineError, DeadlineTooNearError, InferenceError, OverloadError, QueueFullError
from service.logs import log_exception
from service.metrics import ModelMetrics
from service.rounds import BULK_SHARE, Job, Queue, next_round
from service.scoring import Probabilities, Scored, score_rows
from service.telemetry.trail import current

BULK_ROWS = 32
"""A request with more rows is bulk: its rows wait behind those of requests that somebody waits for."""

_ROUND = 4
"""Full batches that one round in the thread may take; more let rows of like length meet, fewer end sooner."""

_INLINE_TURN = 4
"""So many times what one request may take on the event loop is scored in a turn of it; the rest goes to the thread."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much may wait and run.

    Attributes:
        queue_rows: rows that may be pending; a request that finds none pending is always let in.
        batch_tokens: the largest call of the engine, as rows times longest row.
        inline_tokens: the largest request that is scored on the event loop, counted likewise; 0 for none.
        longest_wait_s: how long a request that is not bulk may have to wait for the thread, as predicted, in seconds.
    """

    queue_rows: int
    batch_tokens: int
    inline_tokens: int
    longest_wait_s: float = inf


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
        self._small, self._prompt, self._bulk = Queue(), Queue(), Queue()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._cost = Cost()
        self._round_running = False
        """Whether a round runs, or will at the end of this turn of the event loop."""
        self._round_ends = 0.0
        self._idle: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0
        """Rows that were admitted and not yet released."""

    def admit(self, rows: int, deadline: float = inf) -> "Admission":
        """Let the rows of a request in: `with batcher.admit(n):` around all it does with this version.

        Args:
            rows: how many.
            deadline: when it must be answered, in seconds of `perf_counter`.

        Raises:
            QueueFullError: if too many are pending already.
            OverloadError, DeadlineTooNearError: if it would be answered too late.
        """
        if self.pending and self.pending + rows > self._limits.queue_rows:
            raise QueueFullError(self._cost.seconds(self._prompt.tokens + self._bulk.tokens))
        if self._prompt and rows <= BULK_ROWS:
            self._check_wait(deadline)
        return Admission(self, rows)

    def hold(self) -> "Admission":
        """Keep the version from being closed while it scores for nobody who waits; never refused."""
        return Admission(self, 1)

    def submit(self, rows: Rows, deadline: float = inf, *, bulk: bool = False) -> "asyncio.Future[list[Probabilities]]":
        """Hand rows over, none of them empty; call it inside of an admission.

        Args:
            rows: of one request, or a part of them.
            deadline: when nobody waits for them any longer, in seconds of `perf_counter`.
            bulk: whether they belong to a large batch.

        Returns:
            A future of their probabilities, in their order. It fails with `InferenceError` if one of them does, with
            `DeadlineError` at the deadline, and may be cancelled without any harm to others.
        """
        loop = self._loop = self._loop or asyncio.get_running_loop()  # to ask for it is a system call
        longest = max(map(len, rows))
        future = loop.create_future()
        job = Job(rows, len(rows) * longest, longest, perf_counter(), deadline, future, current())
        inline = self._limits.inline_tokens
        if bulk or job.tokens > inline or self._small.tokens + job.tokens > _INLINE_TURN * inline:
            self._give_to_thread(loop, job, self._bulk if bulk else self._prompt)
        else:
            if not self._small:
                loop.call_soon(self._score_small)
            self._small.put(job)
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

    def _check_wait(self, deadline: float) -> None:
        """Return if what waits for the thread will be done soon enough.

        A round that takes longer than was expected is expected to take as much again.
        """
        now, tokens = perf_counter(), self._prompt.tokens / (1 - BULK_SHARE if self._bulk else 1)
        rounds = 1 + int(tokens / (_ROUND * self._limits.batch_tokens))
        wait_s = abs(self._round_ends - now) + self._cost.seconds(tokens, rounds)
        if wait_s > self._limits.longest_wait_s:
            raise OverloadError(wait_s - self._limits.longest_wait_s)
        if now + wait_s > deadline:
            raise DeadlineTooNearError(now + wait_s - deadline)

    def _score_small(self) -> None:
        """Score what arrived in this turn of the event loop."""
        started = perf_counter()
        jobs = self._small.take(inf)
        self._settle(jobs, score_rows(self._engine, _rows_of(jobs), self._limits.batch_tokens), started)

    def _give_to_thread(self, loop: asyncio.AbstractEventLoop, job: Job, queue: Queue) -> None:
        if job.deadline < inf:
            job.timer = loop.call_later(max(0.0, job.deadline - job.arrived), _expire, job.future)
        queue.put(job)
        if not self._round_running:
            self._round_running, self._round_ends = True, job.arrived
            loop.call_soon(self._start_round)

    def _start_round(self) -> None:
        """Let the thread score what is waiting, if anything is."""
        jobs = next_round(self._prompt, self._bulk, _ROUND * self._limits.batch_tokens)
        self._round_running = bool(jobs)
        if not jobs:
            return
        started = perf_counter()
        self._round_ends = started + self._cost.seconds(sum(job.tokens for job in jobs))
        scoring = asyncio.get_running_loop().run_in_executor(
            self._executor, score_rows, self._engine, _rows_of(jobs), self._limits.batch_tokens
        )
        scoring.add_done_callback(lambda ended: self._end_round(jobs, ended, started))

    def _end_round(self, jobs: list[Job], ended: "asyncio.Future[Scored]", started: float) -> None:
        self._cost.observe(sum(job.tokens for job in jobs), perf_counter() - started)
        self._start_round()
        if error := ended.exception():
            log_exception("round_failed", error)
            places = range(sum(len(job.rows) for job in jobs))
            scored = Scored([[] for _ in places], {place: InferenceError("model_error") for place in places}, [])
            self._settle(jobs, scored, started)
        else:
            self._settle(jobs, ended.result(), started)

    def _settle(self, jobs: list[Job], scored: Scored, started: float) -> None:
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
            job.note(scored, started)
            if job.timer is not None:
                job.timer.cancel()
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


def _expire(future: "asyncio.Future[list[Probabilities]]") -> None:
    if not future.done():
        future.set_exception(DeadlineError())


def _rows_of(jobs: list[Job]) -> Rows:
    return jobs[0].rows if len(jobs) == 1 else [row for job in jobs for row in job.rows]
