"""What one transaction writes: how it is committed, and what happens when it cannot be."""

import sqlite3
from collections.abc import Callable
from time import perf_counter
from typing import Generic, TypeVar

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.logs import log_exception
from service.store.tallies import WriterTallies

Item = TypeVar("Item")

_MAY_PASS = (OperationalError, InterfaceError, InternalError, PoolTimeoutError)


class StoreDownError(Exception):
    """The database is locked, full, restarting or gone: what was to be written is not at fault."""


class Group(Generic[Item]):
    """Rows or labels that are committed together. Belongs to one thread.

    Args:
        commit: writes some of them in one transaction, or raises what the driver raises.
        give_up: told of those that cannot be written.
        tallies: what is counted.

    Attributes:
        items: not yet written, oldest first.
    """

    def __init__(
        self, commit: Callable[[list[Item]], object], give_up: Callable[[list[Item]], object], tallies: WriterTallies
    ) -> None:
        self._commit = commit
        self._give_up = give_up
        self._tallies = tallies
        self.items: list[Item] = []

    def write(self) -> None:
        """Commit all; what cannot be written, whenever it is tried, is dropped alone, counted and logged.

        Raises:
            StoreDownError: then what is left in the group is to be tried again.
        """
        self._write(list(self.items))

    def abandon(self, count: int) -> None:
        """Give up the first of what is left."""
        items = self.items[:count]
        del self.items[:count]
        self._tallies.failed += len(items)
        self._give_up(items)

    def _write(self, items: list[Item]) -> None:
        """Commit a part, always the first that is left; halve it until what cannot be written is alone."""
        if not items:
            return
        started = perf_counter()
        try:
            self._commit(items)
        except Exception as error:  # whatever a driver thinks of a value: it must not stop the others
            if _may_pass(error):
                raise StoreDownError from error
            if len(items) == 1:
                log_exception("store_row_refused", error, kind=type(items[0]).__name__)
                self.abandon(1)
                return
            middle = len(items) // 2
            self._write(items[:middle])
            self._write(items[middle:])
        else:
            self._tallies.time(perf_counter() - started)
            self._tallies.written += len(items)
            del self.items[: len(items)]


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, _MAY_PASS):
        return False
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code != sqlite3.SQLITE_ERROR  # SQLite says the same of a wrong statement, which no waiting mends
