"""Batches whatever is waiting, without a timer.

Small work is done at once, on the event loop: that costs less than handing it to a thread, and a fused recurrence gains
next to nothing from company. Big work goes to a thread of its own; while a round of it runs, rows wait, and when it
ends, they are the next round. So a single text never waits behind a bulk request.
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
from service.scoring import Probabilities, Scored, score_rows

_ROUND_ROWS = 1024
"""Rows of one round in the thread; it may take several calls of the engine."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much may wait and run.

    Attributes:
        queue_rows: rows that may be pending; a request that finds none pending is always let in.
        batch_tokens: the largest call of the engine, as rows times longest row.
        inline_tokens: the same for work done on the event loop; 0 for none.
    """

    queue_rows: int
    batch_tokens: int
    inline_tokens: int


class _Job:
    """The rows of one request, and the future that its caller waits for."""

    __slots__ = ("arrived", "future", "missing", "results")

    def __init__(self, future: "asyncio.Future[list[Probabilities]]", rows: int) -> None:
        self.future = future
        self.arrived = perf_counter()
        self.missing = rows
        self.results: list[Probabilities] = [[]] * rows

    def take(self, place: int, probabilities: Probabilities, failure: InferenceError | None) -> None:
        """Keep what became of one row. The last one, or the first failure, answers the caller, if it still waits."""
        if self.future.done():
            return
        if failure:
            self.future.set_exception(failure)
            return
        self.results[place] = probabilities
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
        self._waiting: deque[_Row] = deque()
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
        future: asyncio.Future[list[Probabilities]] = asyncio.get_running_loop().create_future()
        if len(rows) * max(map(len, rows)) <= self._limits.inline_tokens:
            self._score_now(rows, future)
        else:
            job = _Job(future, len(rows))
            self._waiting.extend(_Row(ids, job, place) for place, ids in enumerate(rows))
            self._start_round()
        return future

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

    def _score_now(self, rows: Rows, future: "asyncio.Future[list[Probabilities]]") -> None:
        """Score the rows of one request in the event loop's own time."""
        scored = score_rows(self._engine, rows, self._limits.batch_tokens)
        self._count(scored)
        if scored.failures:
            future.set_exception(next(iter(scored.failures.values())))
        else:
            future.set_result(scored.probabilities)

    def _start_round(self) -> None:
        if self._round_running:
            return
        rows = _take(self._waiting)
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
            failures = {place: InferenceError("model_error") for place in range(len(rows))}
            self._deliver(rows, Scored([[]] * len(rows), failures, []), started)
        else:
            self._deliver(rows, ended.result(), started)

    def _deliver(self, rows: list[_Row], scored: Scored, started: float) -> None:
        """Give every row's outcome to its job."""
        self._count(scored)
        for index, row in enumerate(rows):
            if not row.place:
                self._metrics.queue_s.observe(started - row.job.arrived)
            row.job.take(row.place, scored.probabilities[index], scored.failures.get(index))

    def _count(self, scored: Scored) -> None:
        metrics = self._metrics
        for call in scored.calls:
            metrics.inference.observe(call.seconds)
            metrics.batch_size.observe(call.rows)
        for failure in scored.failures.values():
            metrics.failures[failure.error_type].add()


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


def _take(waiting: deque[_Row]) -> list[_Row]:
    """Remove and return the rows of the next round, in their order; drop those whose caller left."""
    rows: list[_Row] = []
    while waiting and len(rows) < _ROUND_ROWS:
        row = waiting.popleft()
        if not row.job.future.done():
            rows.append(row)
    return rows
