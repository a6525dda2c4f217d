"""Observations as rows of their table, and back."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from service.experiments.observation import Observation, Outcome
from service.store.encoding import decode, encode
from service.store.tables import OBSERVATION

StoredRow = tuple[object, ...]
"""The values of one row, in the order of the columns."""

_SLICE = 16
"""Rows that are prepared at a time: a tenth of a millisecond."""

_PAUSE_S = 1e-6
"""Any pause will do: it lasts 60 microseconds, and none at all would let nobody in."""

_COLUMNS = [column.name for column in OBSERVATION.columns]


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
    if rows:
        connection.exec_driver_sql(_INSERTS[connection.dialect.name], rows)


def observation_of(row: Row[Any]) -> Observation:
    """Return the observation of a row that was selected with all columns of the table."""
    return Observation(
        row.prediction_id,
        row.experiment,
        row.phase,
        row.unit,
        row.text_hmac,
        row.text,
        row.tokens,
        row.served_arm,
        row.reason,
        row.audit,
        row.created_at,
        decode(row.outcomes),
    )


def disagree(outcomes: Sequence[Outcome]) -> bool:
    """Return whether two arms gave different labels; one without an answer disagrees with nobody."""
    labels = {outcome.label for outcome in outcomes}
    labels.discard(None)
    return len(labels) > 1


def _row(observation: Observation) -> StoredRow:
    *plain, outcomes = observation
    return (*plain, encode(outcomes), disagree(outcomes), False)


def _insert(mark: str) -> str:
    marks = ", ".join([mark] * len(_COLUMNS))
    return f"INSERT INTO observation ({', '.join(_COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608


_INSERTS = {"sqlite": _insert("?"), "postgresql": _insert("%s")}
