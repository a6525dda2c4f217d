"""Stores that fail or hang, a writer that is closed after use, and what is in a store."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from service.store.database import Database, Lock
from service.store.tables import LABEL, OBSERVATION
from service.store.writer import LabelWriter


@contextmanager
def writing(database: Database, **options: float) -> Iterator[LabelWriter]:
    writer = LabelWriter(database, **options)  # type: ignore[arg-type]
    writer.start()
    try:
        yield writer
    finally:
        writer.close()


class FailingDatabase(Database):
    """A store whose disk is full for some time: `failures` transactions that write do not succeed."""

    def __init__(self, database: Database, failures: float) -> None:
        super().__init__(database.engine)
        self.failures = failures
        self.attempts = 0

    @contextmanager
    def write(self, lock: Lock | None = None, *, durable: bool = True) -> Iterator[Connection]:
        self.attempts += 1
        with super().write(lock, durable=durable) as connection:
            yield connection
            if self.attempts <= self.failures:
                raise _disk_full()


class StuckDatabase(Database):
    """A store that makes every transaction wait until it is free."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine)
        self.begun = threading.Event()
        self.free = threading.Event()

    @contextmanager
    def write(self, lock: Lock | None = None, *, durable: bool = True) -> Iterator[Connection]:
        self.begun.set()
        self.free.wait()
        with super().write(lock, durable=durable) as connection:
            yield connection


def _disk_full() -> Exception:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return OperationalError("COMMIT", {}, error)


def observed(database: Database) -> list[str]:
    with database.read() as connection:
        query = select(OBSERVATION.c.prediction_id).order_by(OBSERVATION.c.prediction_id)
        return list(connection.execute(query).scalars())


def labelled(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(LABEL.c.prediction_id).order_by(LABEL.c.seq)).scalars())
