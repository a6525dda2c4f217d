"""Opens the store by its URL, brings its tables up to date, and gives out transactions."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError

from service.errors import StartError
from service.store import migrations

_BUSY_S = 5.0
"""How long a transaction of SQLite waits for one of another process."""

_RETRY_S = 0.01

_LOCKS = 0x6E756E63
"""Keeps our advisory locks apart from those of others in the same database."""


class Lock(IntEnum):
    """What only one transaction may do at a time. SQLite has a single writer anyway."""

    MIGRATION = 1
    LABELS = 2
    PHASES = 3


class Database:
    """A store whose tables are there.

    Args:
        engine: made by `open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def write(self, lock: Lock | None = None, *, durable: bool = True) -> Iterator[Connection]:
        """Give a transaction that is committed at the end, or rolled back by an exception.

        Args:
            lock: what nobody else may do meanwhile.
            durable: whether the commit waits for the disk. If not, a killed process still loses nothing, but a power
                cut takes the last commits.
        """
        with self.engine.connect().execution_options(write=True, durable=durable) as connection, connection.begin():
            if self.engine.dialect.name == "postgresql":
                if not durable:
                    connection.execute(_COMMIT_WITHOUT_WAITING)
                if lock is not None:
                    connection.execute(_TAKE_LOCK, {"locks": _LOCKS, "lock": int(lock)})
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a transaction in which everything stays as it was at its first query; it holds up no writer."""
        connection = self.engine.connect()
        if self.engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection, connection.begin():
            yield connection

    def insert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """Return an INSERT that can say ON CONFLICT."""
        return postgresql.insert(table) if self.engine.dialect.name == "postgresql" else sqlite.insert(table)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open a store; create what is missing of it. Any number of processes may do so at once.

    Args:
        url: as SQLAlchemy writes it: `sqlite:///state/nunchi.db` or `postgresql+psycopg://user@host/name`.

    Raises:
        StartError: if the URL is none of these, nothing answers there, the directory cannot be written, or the tables
            were made by newer software; the message is meant for a person and holds no password.
    """
    parsed = _parse(url)
    where = parsed.render_as_string(hide_password=True)
    database = Database(_sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed))
    with ExitStack() as unless_opened:
        unless_opened.callback(database.close)
        try:
            _prepare(database)
        except (DBAPIError, sqlite3.Error) as error:
            reason = str(error.orig if isinstance(error, DBAPIError) else error).strip()
            raise StartError(f"the store {where} cannot be used: {reason.splitlines()[0]}") from error
        except migrations.NewerError as error:
            raise StartError(f"the store {where} was made by newer software ({error}): run that") from error
        unless_opened.pop_all()
    return database


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:  # says the URL again, password included
        raise StartError(f"NUNCHI_STORE is no URL; {_EXAMPLES}") from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if parsed.database in {None, "", ":memory:"}:
            raise StartError(f"NUNCHI_STORE names no file, and what is in memory is gone at the end; {_EXAMPLES}")
        return parsed
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise StartError(f"NUNCHI_STORE begins with {parsed.drivername}, which is not supported; {_EXAMPLES}")


def _sqlite(url: URL) -> Engine:
    directory = Path(str(url.database)).parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"the directory of the store, {directory}, cannot be made: {error.strerror}") from error
    # isolation_level None: the driver begins no transactions of its own accord, `_begin` does.
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "isolation_level": None})
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Begin as a writer at once: a reader that becomes one fails, without waiting, if another was faster."""
    options = connection.get_execution_options()
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('durable') else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")


def _postgresql(url: URL) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, connect_args=_CONNECTION)
    event.listen(engine, "connect", _limit_waiting)
    return engine


def _limit_waiting(connection: Any, _: object) -> None:
    """Let no transaction wait for ever for another whose process hangs."""
    connection.autocommit = True
    connection.execute("SET lock_timeout = '10s'")
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.autocommit = False


def _prepare(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        _write_ahead(database.engine)
    with database.read() as connection:
        if migrations.current(connection) == migrations.NEWEST:
            return  # without loading Alembic
    with database.write(Lock.MIGRATION) as connection:
        migrations.upgrade(connection)


def _write_ahead(engine: Engine) -> None:
    """Let readers and the writer of the file not wait for each other; said once, it stays so.

    SQLite does not wait where another process, about to write, holds the file in its old mode: so we do.
    """
    give_up = time.monotonic() + _BUSY_S
    with closing(engine.raw_connection()) as connection:  # it must not be in a transaction, as ours are
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
            time.sleep(_RETRY_S)


_EXAMPLES = "it looks like sqlite:///state/nunchi.db or postgresql+psycopg://user:password@host/name"

_CONNECTION = {
    "application_name": "nunchi",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""For psycopg; seconds, the last one milliseconds: a server that is gone is noticed, not waited for."""

_COMMIT_WITHOUT_WAITING = text("SET LOCAL synchronous_commit TO off")
_TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:locks, :lock)")
