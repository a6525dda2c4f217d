"""Forgets: what is too old, and what belongs to a client who asks for it.

What is too old and unlabelled is deleted. What is labelled stays, because a published result rests on it, but loses
all that leads to a person: unit, text and the text's HMAC. Which rows repeat an earlier text is written down before,
while it can still be seen, so that the labels which counted go on to count, and no others.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from service.identifiers import first_id
from service.store.database import Database, Lock
from service.store.tables import LABEL, LABEL_REVISION, OBSERVATION

_ID = OBSERVATION.c.prediction_id

_CHUNK = 500
"""Rows of one transaction: others wait no more than milliseconds."""


class Purged(NamedTuple):
    """How many observations were deleted, how many stripped, and how many labels of unknown predictions deleted."""

    deleted: int
    stripped: int
    orphans: int


def purge(database: Database, horizon: float) -> Purged:
    """Forget what is older than `horizon`, in seconds since 1970; any number of processes may do so at once."""
    _mark_repeats(database)
    labelled = exists().where(LABEL.c.prediction_id == _ID)
    old = select(_ID).where(first_id(horizon) > _ID)
    deleted = _chunked(database, old.where(~labelled), _delete_observations)
    stripped = _chunked(database, old.where(labelled, OBSERVATION.c.text_hmac.is_not(None)), _strip)
    observed = exists().where(LABEL.c.prediction_id == _ID)
    orphans = select(LABEL.c.prediction_id).distinct().where(LABEL.c.received_at < horizon, ~observed)
    return Purged(deleted, stripped, _chunked(database, orphans, _delete_labels))


def forget_unit(database: Database, unit: str) -> int:
    """Delete the observations of a client with all labels of them; return how many observations.

    Args:
        database: the store. What is not committed yet is not in it: await `Recorder.flushed` before.
        unit: HMAC of the client's key.
    """
    with database.read() as connection:  # finding them takes long, and holds nobody up
        found = connection.execute(select(_ID).where(OBSERVATION.c.unit == unit)).scalars().all()
    for chunk in _cut(found):
        with database.write(Lock.LABELS) as connection:
            for table in (LABEL_REVISION, LABEL, OBSERVATION):
                connection.execute(delete(table).where(table.c.prediction_id.in_(chunk)))
    return len(found)


def _mark_repeats(database: Database) -> None:
    text_again = func.row_number().over(
        partition_by=(OBSERVATION.c.phase, OBSERVATION.c.text_hmac),
        order_by=_ID,
    )
    columns = _ID, OBSERVATION.c.repeated, text_again.label("place")
    numbered = select(*columns).where(OBSERVATION.c.text_hmac.is_not(None)).subquery()
    with database.read() as connection:
        query = select(numbered.c.prediction_id).where(numbered.c.place > 1, ~numbered.c.repeated)
        repeats = connection.execute(query).scalars().all()
    for chunk in _cut(repeats):
        with database.write(durable=False) as connection:
            connection.execute(update(OBSERVATION).where(_ID.in_(chunk)).values(repeated=True))


def _chunked(database: Database, wanted: Select[str], act: Callable[[Connection, Sequence[str]], object]) -> int:
    """Act on what is found, some of it at a time, and look again, until nothing is found."""
    total = 0
    while True:
        with database.write(Lock.LABELS) as connection:
            found = connection.execute(wanted.limit(_CHUNK)).scalars().all()
            if found:
                act(connection, found)
        total += len(found)
        if len(found) < _CHUNK:
            return total


def _delete_observations(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(delete(OBSERVATION).where(_ID.in_(ids)))


def _strip(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(update(OBSERVATION).where(_ID.in_(ids)).values(unit=None, text_hmac=None, text=None))


def _delete_labels(connection: Connection, ids: Sequence[str]) -> None:
    for table in (LABEL_REVISION, LABEL):
        connection.execute(delete(table).where(table.c.prediction_id.in_(ids)))


def _cut(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
