"""Rows that wait for an engine, and which of them come next."""

import asyncio
from asyncio import TimerHandle
from collections import deque
from dataclasses import dataclass
from time import perf_counter

from service.engines import Rows
from service.errors import DeadlineError
from service.scoring import Probabilities, Scored
from service.telemetry.trail import Stage, Trail

BULK_SHARE = 0.25
"""The part of a round that belongs to large batches while single texts wait too: slowed down, but never starved."""


@dataclass(slots=True)
class Job:
    """The rows that a request handed over.

    Attributes:
        rows: none of them empty.
        tokens: of all, padded to the longest.
        longest: tokens of the longest.
        arrived: when they were handed over, in seconds of `perf_counter`.
        deadline: when nobody waits for them any longer, in the same seconds.
        future: what the request waits for.
        trail: the request, for its trace; None if nobody follows it.
        timer: what ends the waiting at the deadline; None if nothing does.
    """

    rows: Rows
    tokens: int
    longest: int
    arrived: float
    deadline: float
    future: "asyncio.Future[list[Probabilities]]"
    trail: Trail | None = None
    timer: TimerHandle | None = None

    def wanted(self, now: float) -> bool:
        """Tell whether somebody still waits for it; whoever does so beyond the deadline is told."""
        if self.future.done():
            return False
        if now > self.deadline:
            self.future.set_exception(DeadlineError())
            return False
        return True

    def note(self, scored: Scored, started: float) -> None:
        """Tell the trace of the request, if there is one, how long its rows waited and in which company they were."""
        if self.trail is None or self.trail.trace is None:
            return
        calls = scored.calls
        figures = {
            "rows": len(self.rows),
            "batch_rows": sum(call.rows for call in calls),
            "batch_calls": len(calls),
            "engine_us": round(sum(call.seconds for call in calls) * 1e6),
        }
        self.trail.trace.stages.append(Stage("queue", self.arrived, started, {}))
        self.trail.trace.stages.append(Stage("inference", started, perf_counter(), figures))


class Queue:
    """Jobs in their order, and how many tokens they have."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self.tokens = 0

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def put(self, job: Job) -> None:
        """Append a job."""
        self._jobs.append(job)
        self.tokens += job.tokens

    def take(self, tokens: float) -> list[Job]:
        """Remove and return the first jobs, as many as make at most `tokens` when padded, but at least one.

        Jobs that nobody waits for are dropped on the way.
        """
        jobs: list[Job] = []
        rows, longest, now = 0, 0, perf_counter()
        while self._jobs:
            job = self._jobs[0]
            if job.wanted(now):
                rows, longest = rows + len(job.rows), max(longest, job.longest)
                if jobs and rows * longest > tokens:
                    break
                jobs.append(job)
            self._jobs.popleft()
            self.tokens -= job.tokens
        return jobs


def next_round(prompt: Queue, bulk: Queue, tokens: int) -> list[Job]:
    """Return the jobs that make a round of about `tokens`.

    Args:
        prompt: of requests that somebody waits for; they come first, and alone if they may have all of it.
        bulk: of large batches, which always get a part if they wait.
        tokens: of a round.
    """
    if not (prompt and bulk):
        return (prompt or bulk).take(tokens)
    share = int(tokens * BULK_SHARE)
    return [*prompt.take(tokens - share), *bulk.take(share)]
