"""Observations as rows of their table, and back."""

import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from service.experiments.observation import Observation, Outcome
from service.store.encoding import decode, encode
from service.store.tables import OBSERVATION

StoredRow = tuple[object, ...]
"""The values of one row, in the order of the columns."""

_SLICE = 16
"""Rows that are prepared at a time: a tenth of a millisecond."""

_PAUSE_S = 1e-6
"""Any pause will do: it lasts 60 microseconds, and none at all would let nobody in."""

_ONE_STATEMENT = 64
"""Rows of one statement. With one each, SQLite gives the interpreter away and wants it back for every row."""

_COLUMNS = [column.name for column in OBSERVATION.columns]
_OUTCOMES = _COLUMNS.index("outcomes")


def rows_of(observations: Sequence[Observation]) -> list[StoredRow]:
    """Return the rows of observations; every few of them, the interpreter is left to the thread that answers.

    It would get it anyway, but only after five milliseconds (`sys.getswitchinterval`).
    """
    rows: list[StoredRow] = []
    for start in range(0, len(observations), _SLICE):
        if start:
            time.sleep(_PAUSE_S)
        rows += [_row(observation) for observation in observations[start : start + _SLICE]]
    return rows


def insert_rows(connection: Connection, rows: list[StoredRow]) -> None:
    """Write observations; those that are there already stay as they are.

    The statement is plain text: SQLAlchemy's takes 5 microseconds more for a row, on the processor that answers.
    """
    mark = _MARKS[connection.dialect.name]
    for start in range(0, len(rows), _ONE_STATEMENT):
        part = rows[start : start + _ONE_STATEMENT]
        connection.exec_driver_sql(_insert(mark, len(part)), tuple(chain.from_iterable(part)))


def observation_of(row: tuple[Any, ...]) -> Observation:
    """Return the observation of a row that was selected with all columns of the table.

    By place, in a plain tuple: SQLAlchemy looks up each column by its name, which takes longer than all the rest.
    """
    values = row[:_OUTCOMES]
    return Observation._make((*values, decode(row[_OUTCOMES])))


def disagree(outcomes: Sequence[Outcome]) -> bool:
    """Return whether two arms gave different labels; one without an answer disagrees with nobody."""
    labels = {outcome.label for outcome in outcomes}
    labels.discard(None)
    return len(labels) > 1


def _row(observation: Observation) -> StoredRow:
    *plain, outcomes = observation
    return (*plain, encode(outcomes), disagree(outcomes), False)


@lru_cache(maxsize=2 * _ONE_STATEMENT)
def _insert(mark: str, rows: int) -> str:
    values = ", ".join([f"({', '.join([mark] * len(_COLUMNS))})"] * rows)
    return f"INSERT INTO observation ({', '.join(_COLUMNS)}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608


_MARKS = {"sqlite": "?", "postgresql": "%s"}
