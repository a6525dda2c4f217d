"""Answers those who wait in an event loop, from another thread."""

from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from service.errors import StoreUnavailableError

Answer = TypeVar("Answer")


def resolve(waiting: Sequence[Future[Answer]], answers: Sequence[Answer]) -> None:
    """Give each future its answer, all of them in one call of their loop: to wake it costs more than to answer."""

    def answer() -> None:
        for future, value in zip(waiting, answers, strict=True):
            if not future.done():  # who asked may have gone
                future.set_result(value)

    _call(waiting, answer)


def refuse(waiting: Sequence[Future[Answer]], reason: str) -> None:
    """Give each future a StoreUnavailableError."""

    def answer() -> None:
        for future in waiting:
            if not future.done():
                future.set_exception(StoreUnavailableError(reason))

    _call(waiting, answer)


def _call(waiting: Sequence[Future[Answer]], answer: Callable[[], None]) -> None:
    if waiting:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            waiting[0].get_loop().call_soon_threadsafe(answer)
