"""Calls what blocks in a thread that the end of the process does not wait for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


async def call_aside(function: Callable[[Argument], Result], argument: Argument) -> Result:
    """Return what a function returns, or raise what it raises.

    `asyncio.to_thread` would do, but what compiles a model for a minute, or hangs, would then keep the process from
    ending for as long.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def tell(result: Result | None, error: BaseException | None) -> None:
        if outcome.done():
            return  # nobody waits any more
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def call() -> None:
        told: tuple[Result | None, Exception | None]
        try:
            told = (function(argument), None)
        except Exception as error:
            told = (None, error)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, *told)

    Thread(target=call, name="load", daemon=True).start()
    return await outcome
