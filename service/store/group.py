"""What one transaction writes: how it is committed, and what happens when it cannot be."""

import asyncio
import sqlite3
from time import perf_counter
from typing import NamedTuple

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.experiments.observation import LabelGiven, LabelResult, Observation
from service.logs import log_exception
from service.store.answering import refuse, resolve
from service.store.database import Database, Lock
from service.store.labels import give_labels
from service.store.rows import insert_rows, rows_of
from service.store.tallies import WriterTallies

_MAY_PASS = (OperationalError, InterfaceError, InternalError, PoolTimeoutError)


class StoreDownError(Exception):
    """The database is locked, full, restarting or gone: what was to be written is not at fault."""


class WaitingLabel(NamedTuple):
    """A label, when it came (`time.monotonic`), and who waits to hear that it is committed."""

    given: LabelGiven
    since: float
    answer: "asyncio.Future[LabelResult]"


class Group:
    """Rows and labels that are committed together. Belongs to the writer's thread.

    Args:
        database: where to.
        tallies: what is counted.

    Attributes:
        rows: not yet written, oldest first.
        labels: not yet written, oldest first.
        settled_rows: how many rows ever left the group, written or failed.
    """

    def __init__(self, database: Database, tallies: WriterTallies) -> None:
        self._database = database
        self._tallies = tallies
        self.rows: list[Observation] = []
        self.labels: list[WaitingLabel] = []
        self.settled_rows = 0

    def __len__(self) -> int:
        return len(self.rows) + len(self.labels)

    def write(self) -> None:
        """Commit all; what cannot be written, whenever it is tried, is dropped alone, counted and logged.

        Raises:
            StoreDownError: then what is left in the group is to be tried again.
        """
        self._write(list(self.rows), list(self.labels))

    def abandon(self, *, rows: bool, labels_before: float) -> None:
        """Give up the labels that came before a time (`time.monotonic`), and all rows if asked to."""
        late = [label for label in self.labels if label.since < labels_before]
        self._fail(list(self.rows) if rows else [], late)

    def _write(self, rows: list[Observation], labels: list[WaitingLabel]) -> None:
        """Commit a part, always the first that is left; halve it until what cannot be written is alone."""
        if not rows and not labels:
            return
        try:
            results = self._commit(rows, labels)
        except Exception as error:  # whatever a driver thinks of a value: it must not stop the others
            if _may_pass(error):
                raise StoreDownError from error
            if len(rows) + len(labels) == 1:
                log_exception("store_row_refused", error, kind="observation" if rows else "label")
                self._fail(rows, labels)
                return
            middle_row, middle_label = len(rows) // 2, len(labels) // 2
            if rows and labels:
                middle_row, middle_label = len(rows), 0
            self._write(rows[:middle_row], labels[:middle_label])
            self._write(rows[middle_row:], labels[middle_label:])
        else:
            self._tallies.written += len(rows) + len(labels)
            self._leave(rows, labels)
            resolve([label.answer for label in labels], results)

    def _commit(self, rows: list[Observation], labels: list[WaitingLabel]) -> list[LabelResult]:
        prepared = rows_of(rows)  # before the transaction, so that other processes wait less
        started = perf_counter()
        with self._database.write(Lock.LABELS if labels else None, durable=bool(labels)) as connection:
            insert_rows(connection, prepared)
            results = give_labels(self._database, connection, [label.given for label in labels])
        self._tallies.time(perf_counter() - started)
        return results

    def _fail(self, rows: list[Observation], labels: list[WaitingLabel]) -> None:
        self._tallies.failed += len(rows) + len(labels)
        self._leave(rows, labels)
        refuse([label.answer for label in labels], "the label could not be written")

    def _leave(self, rows: list[Observation], labels: list[WaitingLabel]) -> None:
        del self.rows[: len(rows)]
        del self.labels[: len(labels)]
        self.settled_rows += len(rows)


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, _MAY_PASS):
        return False
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code != sqlite3.SQLITE_ERROR  # SQLite says the same of a wrong statement, which no waiting mends
