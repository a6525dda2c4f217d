"""What becomes of labels: the first of each source is in force, a different one later is kept beside it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from service.experiments.observation import LabelGiven, LabelResult
from service.store.database import Database
from service.store.tables import LABEL, LABEL_REVISION

_Key = tuple[str, str]
"""Prediction and source: what a label is in force for."""


def give_labels(database: Database, connection: Connection, given: Sequence[LabelGiven]) -> list[LabelResult]:
    """Write labels, in this order; giving the same ones again changes nothing.

    Args:
        database: where to.
        connection: its transaction, begun with `Lock.LABELS`, so that the numbers of labels are in the order in which
            they become visible, and a report never sees an earlier label after a later one.
        given: at most a few thousand.

    Returns:
        What became of each.
    """
    if not given:
        return []
    first: dict[_Key, LabelGiven] = {}
    for label in given:
        first.setdefault((label.prediction_id, label.source), label)
    written = _insert_missing(database, connection, first.values())
    in_force = {key: label.label for key, label in first.items() if key in written}
    in_force |= _in_force(connection, first.keys() - written)
    new = set(written)
    results: list[LabelResult] = []
    revisions: dict[tuple[str, str, str], LabelGiven] = {}
    for label in given:
        key = (label.prediction_id, label.source)
        if key in new:
            new.remove(key)
            results.append("accepted")
        elif in_force[key] == label.label:
            results.append("same")
        else:
            results.append("conflict")
            revisions[*key, label.label] = label
    _keep_revisions(database, connection, revisions.values())
    return results


def _insert_missing(database: Database, connection: Connection, labels: Iterable[LabelGiven]) -> set[_Key]:
    statement = database.insert(LABEL).on_conflict_do_nothing().returning(LABEL.c.prediction_id, LABEL.c.source)
    rows = connection.execute(statement, [label._asdict() for label in labels])
    return {(prediction_id, source) for prediction_id, source in rows}


def _in_force(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, str]:
    wanted = [prediction_id for prediction_id, _ in keys]
    if not wanted:
        return {}
    columns = LABEL.c.prediction_id, LABEL.c.source, LABEL.c.label
    rows = connection.execute(select(*columns).where(LABEL.c.prediction_id.in_(wanted)))
    return {(prediction_id, source): label for prediction_id, source, label in rows}


def _keep_revisions(database: Database, connection: Connection, revisions: Iterable[LabelGiven]) -> None:
    """Keep each different label once, however often it comes, with the last time that it came."""
    rows = [revision._asdict() for revision in revisions]
    if rows:
        insert = database.insert(LABEL_REVISION)
        statement = insert.on_conflict_do_update(
            index_elements=[LABEL_REVISION.c.prediction_id, LABEL_REVISION.c.source, LABEL_REVISION.c.label],
            set_={"received_at": insert.excluded.received_at},
        )
        connection.execute(statement, rows)
