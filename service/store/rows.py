"""Observations as rows of their table, and back."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from service.experiments.observation import Observation, Outcome
from service.store.encoding import decode, encode
from service.store.tables import OBSERVATION

_COLUMNS = [column.name for column in OBSERVATION.columns]


def insert_observations(connection: Connection, observations: Iterable[Observation]) -> None:
    """Write observations; those that are there already stay as they are.

    The statement is plain text: SQLAlchemy's takes 5 microseconds more for a row, on the processor that answers.
    """
    rows = [_row(observation) for observation in observations]
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


def _row(observation: Observation) -> tuple[object, ...]:
    *plain, outcomes = observation
    return (*plain, encode(outcomes), disagree(outcomes), False)


def _insert(mark: str) -> str:
    marks = ", ".join([mark] * len(_COLUMNS))
    return f"INSERT INTO observation ({', '.join(_COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608


_INSERTS = {"sqlite": _insert("?"), "postgresql": _insert("%s")}
