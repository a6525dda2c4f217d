"""The phases of experiments: the same numbers for all processes that share the store."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from service.store.database import Database, Lock
from service.store.tables import PHASE


class Phase(NamedTuple):
    """A time in which an experiment did not change.

    Attributes:
        number: from 1.
        fingerprint: of all that the analysis depends on.
        design: that, as it was declared and resolved.
        started_at: seconds since 1970, UTC.
    """

    number: int
    fingerprint: str
    design: dict[str, Any]
    started_at: float


def open_phase(
    database: Database, experiment: str, fingerprint: str, design: Mapping[str, object], started_at: float
) -> int:
    """Return the number of the newest phase if it has this fingerprint; else open the next.

    Args:
        database: shared by all processes that run the experiment.
        experiment: its name.
        fingerprint: of `design`.
        design: what can be written as JSON.
        started_at: seconds since 1970, UTC; for a new phase.
    """
    newest = select(PHASE.c.number, PHASE.c.fingerprint).where(PHASE.c.experiment == experiment)
    with database.write(Lock.PHASES) as connection:
        found = connection.execute(newest.order_by(PHASE.c.number.desc()).limit(1)).first()
        if found is not None and found.fingerprint == fingerprint:
            return int(found.number)
        number = 1 if found is None else int(found.number) + 1
        row = {
            "experiment": experiment,
            "number": number,
            "fingerprint": fingerprint,
            "design": json.dumps(design, ensure_ascii=False, sort_keys=True),
            "started_at": started_at,
        }
        connection.execute(insert(PHASE), row)
    return number


def read_phases(database: Database, experiment: str) -> list[Phase]:
    """Return the phases of an experiment, oldest first; none if it never ran."""
    columns = PHASE.c.number, PHASE.c.fingerprint, PHASE.c.design, PHASE.c.started_at
    query = select(*columns).where(PHASE.c.experiment == experiment).order_by(PHASE.c.number)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [Phase(number, fingerprint, json.loads(design), at) for number, fingerprint, design, at in rows]
