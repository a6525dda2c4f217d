"""Batches whatever is waiting, without a timer.

Small work is done on the event loop at the end of the turn in which it arrived, all of that turn in one call: that
costs less than handing it to a thread. Big work goes to a thread of its own; while a round of it runs, rows wait, and
when it ends, they are the next round. So a single text never waits behind a bulk request.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import NamedTuple

from service.engines import Engine, Rows
from service.errors import InferenceError, QueueFullError
from service.logs import log_exception
from service.metrics import ModelMetrics
from service.scoring import Outcome, Probabilities, Scored, score_rows

_ROUND_ROWS = 1024
"""Rows of one round in the thread; it may take several calls of the engine."""


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


class _Job:
    """The rows of one request, and the future that its caller waits for."""

    __slots__ = ("arrived", "future", "missing", "results")

    def __init__(self, rows: int, future: "asyncio.Future[list[Probabilities]]") -> None:
        self.future = future
        self.arrived = perf_counter()
        self.missing = rows
        self.results: list[Probabilities] = [[]] * rows

    def take(self, index: int, outcome: Outcome) -> None:
        """Keep the outcome of one row. The last one, or the first error, answers the caller, if it is still there."""
        if self.future.done():
            return
        if isinstance(outcome, InferenceError):
            self.future.set_exception(outcome)
            return
        self.results[index] = outcome
        self.missing -= 1
        if not self.missing:
            self.future.set_result(self.results)


class _Row(NamedTuple):
    ids: Sequence[int]
    job: _Job
    place: int


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
        self._small: deque[_Row] = deque()
        self._big: deque[_Row] = deque()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._round_running = False
        self._idle: asyncio.Event | None = None
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

    def submit(self, rows: Rows) -> "asyncio.Future[list[Probabilities]]":
        """Hand rows over; call it inside of an admission.

        Returns:
            A future of their probabilities, in their order. It fails with `InferenceError` if one of them does, and
            may be cancelled without any harm to others.
        """
        loop = asyncio.get_running_loop()
        job = _Job(len(rows), loop.create_future())
        work = [_Row(ids, job, place) for place, ids in enumerate(rows)]
        if len(rows) * max(map(len, rows)) <= self._limits.inline_tokens:
            if not self._small:
                loop.call_soon(self._score_small)
            self._small.extend(work)
        else:
            self._big.extend(work)
            self._start_round()
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
        """Score, in one call, the small rows of this turn; what does not fit has its call in the next turn."""
        started = perf_counter()
        rows = _take(self._small, self._limits.inline_tokens)
        if self._small:
            asyncio.get_running_loop().call_soon(self._score_small)
        if rows:
            self._deliver(rows, score_rows(self._engine, [row.ids for row in rows], self._limits.batch_tokens), started)

    def _start_round(self) -> None:
        if self._round_running:
            return
        rows = _take(self._big, None)
        if not rows:
            return
        self._round_running = True
        started = perf_counter()
        ids = [row.ids for row in rows]
        loop = asyncio.get_running_loop()
        scoring = loop.run_in_executor(self._executor, score_rows, self._engine, ids, self._limits.batch_tokens)
        scoring.add_done_callback(lambda ended: self._end_round(rows, ended, started))

    def _end_round(self, rows: list[_Row], ended: "asyncio.Future[Scored]", started: float) -> None:
        self._round_running = False
        self._start_round()
        if error := ended.exception():
            log_exception("round_failed", error)
            self._deliver(rows, Scored([InferenceError("model_error")] * len(rows), []), started)
        else:
            self._deliver(rows, ended.result(), started)

    def _deliver(self, rows: list[_Row], scored: Scored, started: float) -> None:
        """Give every row's outcome to its job, and count."""
        metrics = self._metrics
        for call in scored.calls:
            metrics.inference.observe(call.seconds)
            metrics.batch_size.observe(call.rows)
        for row, outcome in zip(rows, scored.outcomes, strict=True):
            if isinstance(outcome, InferenceError):
                metrics.failures[outcome.error_type].add()
            if not row.place:
                metrics.queue_s.observe(started - row.job.arrived)
            row.job.take(row.place, outcome)


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


def _take(waiting: deque[_Row], tokens: int | None) -> list[_Row]:
    """Remove and return rows in their order: a round's worth, or as many as make a call of at most `tokens`.

    Rows whose caller left are dropped on the way.
    """
    rows: list[_Row] = []
    longest = 1
    while waiting and len(rows) < _ROUND_ROWS:
        row = waiting[0]
        if not row.job.future.done():
            longest = max(longest, len(row.ids))
            if tokens is not None and rows and (len(rows) + 1) * longest > tokens:
                break
            rows.append(row)
        waiting.popleft()
    return rows
