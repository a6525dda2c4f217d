"""What runs beside the requests of an application, from its start to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.types import Lifespan

from service.logs import log_event, log_exception
from service.readiness import Readiness

DRAIN_S = 8.0
"""How long what runs beside the requests may take to its end, or less if answering took longer."""

_LEAST_S = 1.0
"""What is left to an end if those before it took all the time."""


Run = Callable[[], Coroutine[Any, Any, None]]


class Beside(NamedTuple):
    """What runs beside the requests.

    Attributes:
        runs: started at the start, cancelled at the end.
        ends: then awaited, one after the other: they answer and keep what was accepted.
    """

    runs: tuple[Run, ...]
    ends: tuple[Callable[[], Awaitable[None]], ...]


def lifespan_of(beside: Beside, readiness: Readiness) -> Lifespan[FastAPI]:
    """Return the lifespan that FastAPI asks for; from its end on the process is not ready."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = [asyncio.create_task(run()) for run in beside.runs]
        yield
        readiness.stopping = True
        for task in running:
            task.cancel()
        for ended in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(ended, Exception):
                log_exception("background_failed", ended)
        deadline = min(monotonic() + DRAIN_S, readiness.ends_at)
        for end in beside.ends:
            await _end(end, max(_LEAST_S, deadline - monotonic()))

    return lifespan


async def _end(end: Callable[[], Awaitable[None]], seconds: float) -> None:
    try:
        await asyncio.wait_for(end(), seconds)
    except TimeoutError:
        log_event("drain_given_up", seconds=round(seconds, 1))
