"""What rows say again and again: written once, as JSON, so that a row holds a number in its place."""

import json
from typing import Any

from sqlalchemy import Connection, ScalarSelect, select

from service.store.database import Database
from service.store.tables import TERM


def content_of(*term: object) -> str:
    """Return a term as it is stored: equal terms are equal texts, in whichever process."""
    return json.dumps(term, ensure_ascii=False, separators=(",", ":"))


class Terms:
    """The numbers of terms, each asked for once.

    Args:
        database: where they stand.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, *term: object) -> int:
        """Return the number of a term; if nobody used it before, it is committed before anything can refer to it."""
        number = self._numbers.get(term)
        if number is None:
            number = self._numbers[term] = self._learn(content_of(*term))
        return number

    def _learn(self, content: str) -> int:
        known = select(TERM.c.number).where(TERM.c.content == content)
        with self._database.write(durable=False) as connection:
            connection.execute(self._database.insert(TERM).on_conflict_do_nothing(), {"content": content})
            number: int = connection.execute(known).scalar_one()
        return number


def number_of(*term: object) -> ScalarSelect[int]:
    """Return, as part of a query, the number of a term; NULL, which equals nothing, if nobody used it."""
    return select(TERM.c.number).where(TERM.c.content == content_of(*term)).scalar_subquery()


def read_terms(connection: Connection) -> dict[int, Any]:
    """Return all terms by their numbers: some for each arm, each label and each phase."""
    rows = connection.execute(select(TERM.c.number, TERM.c.content))
    return {number: json.loads(content) for number, content in rows}
