"""Observations as rows of their table, and back."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from service.experiments.observation import Kind, Observation, Recorded
from service.store.database import Database
from service.store.encoding import DetailReader, detail_form
from service.store.tables import OBSERVATION
from service.store.terms import Terms

StoredRow = tuple[object, ...]
"""The values of one row, in the order of the columns."""

_ONE_STATEMENT = 128
"""Rows of one statement; one each take half as long again."""

_MOST_KINDS = 10_000
"""Kept in memory; of more, the first are forgotten and learned again."""

_COLUMNS = [column.name for column in OBSERVATION.columns]


class ObservationWriter:
    """Writes observations.

    Args:
        database: where to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._terms = Terms(database)
        self._mark, self._say = _DRIVERS[database.engine.dialect.name]
        self._kinds: dict[Kind, tuple[int, object, bytearray, Callable[..., bytes]]] = {}

    def write(self, observations: Sequence[Recorded]) -> None:
        """Commit observations; those that are there already stay as they are.

        A killed process takes back nothing of it, a power cut may. It raises what a driver raises.
        """
        rows: list[StoredRow] = []
        known, say, no = self._kinds.get, self._say, self._say[False]
        for kind, name, unit, code, text, tokens, audit, created_at, numbers in observations:
            phase, disagree, head, pack = known(kind) or self._learn(kind)
            detail = head + pack(created_at, tokens, *numbers)
            rows.append((name, phase, unit, code, text, say[audit], disagree, no, detail))
        with self._database.write(durable=False) as connection:
            _insert(connection, self._mark, rows)

    def _learn(self, kind: Kind) -> tuple[int, object, bytearray, Callable[..., bytes]]:
        """Return what the rows of a kind have in common."""
        number = self._terms.number
        phase, disagree = number(kind.experiment, kind.phase), self._say[kind.disagree]
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        common = self._kinds[kind] = (phase, disagree, *detail_form(kind, number))
        return common


class ObservationReader:
    """Makes observations of rows that were selected with all columns of the table.

    Args:
        terms: all that there are, by their numbers.
    """

    def __init__(self, terms: Mapping[int, Any]) -> None:
        self._terms = terms
        self._details = DetailReader(terms)

    def read(self, row: tuple[Any, ...]) -> Observation:
        """Return the observation of a row.

        By place, in a plain tuple: SQLAlchemy looks up each column by its name, which takes longer than all the rest.
        """
        prediction_id, phase, unit, text_hmac, text, audit, _, _, detail = row
        experiment, number = self._terms[phase]
        created_at, tokens, served_arm, reason, outcomes = self._details.read(detail)
        return Observation(
            prediction_id=prediction_id,
            experiment=experiment,
            phase=number,
            unit=unit,
            text_hmac=text_hmac,
            text=text,
            tokens=tokens,
            served_arm=served_arm,
            reason=reason,
            audit=audit,
            created_at=created_at,
            outcomes=outcomes,
        )


def _insert(connection: Connection, mark: str, rows: list[StoredRow]) -> None:
    """Insert rows by statements of plain text: SQLAlchemy's take 5 microseconds more for a row."""
    for start in range(0, len(rows), _ONE_STATEMENT):
        part = rows[start : start + _ONE_STATEMENT]
        connection.exec_driver_sql(_statement(mark, len(part)), tuple(chain.from_iterable(part)))


@lru_cache(maxsize=2 * _ONE_STATEMENT)
def _statement(mark: str, rows: int) -> str:
    values = ", ".join([f"({', '.join([mark] * len(_COLUMNS))})"] * rows)
    return f"INSERT INTO observation ({', '.join(_COLUMNS)}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608


_DRIVERS: dict[str, tuple[str, tuple[object, object]]] = {"sqlite": ("?", (0, 1)), "postgresql": ("%s", (False, True))}
"""What stands for a value in a statement, and for no and yes among the values.

For all but int, float, str and bytearray, sqlite3 looks for an adapter first: three quarters of a microsecond a row.
"""
