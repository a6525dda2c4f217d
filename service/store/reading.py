"""Reads for the report: everything of one phase, in one order, as it is at one moment."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, exists, func, select

from service.experiments.observation import LabelSource, Observation
from service.store.database import Database
from service.store.rows import ObservationReader
from service.store.tables import LABEL, LABEL_REVISION, OBSERVATION
from service.store.terms import number_of, read_terms

_AT_ONCE = 1000
"""Rows in memory."""


class StoredLabel(NamedTuple):
    """A label in force.

    Attributes:
        source: who gave it.
        label: what it says.
        seq: its place in the order in which labels were committed.
        received_at: seconds since 1970, UTC.
        revised: what the same source said last, if that was something else; it changes nothing but a sensitivity.
    """

    source: LabelSource
    label: str
    seq: int
    received_at: float
    revised: str | None


class PhaseRow(NamedTuple):
    """An observation with what became of it.

    Attributes:
        observation: as it was recorded. Of a stripped one, `unit` and `text` are None, and `text_hmac` is its id, so
            that it is equal to no other.
        labels: in force, in the order of their sources' names.
        repeated: whether an earlier observation of the phase had the same text; then it must not count.
        stripped: whether retention went over it: the rows beside it that had no label are gone, so it may count for
            nothing but its labels.
    """

    observation: Observation
    labels: tuple[StoredLabel, ...]
    repeated: bool
    stripped: bool


class PhaseCounts(NamedTuple):
    """How many observations a phase has, how many labels by source, and how many of these were revised by source."""

    observations: int
    labels: dict[LabelSource, int]
    revised: dict[LabelSource, int]


def read_phase(database: Database, experiment: str, phase: int) -> Iterator[PhaseRow]:
    """Yield the observations of a phase by their ids, that is by time; a thousand are in memory at once.

    All is read in one transaction: what is written meanwhile is not seen. What is seen twice is yielded alike.
    """
    with database.read() as connection:
        reader = ObservationReader(read_terms(connection))
        revised = _revised(connection, experiment, phase)
        labels = _labels(connection, experiment, phase, revised)
        labelled, label = next(labels, _NO_MORE)
        seen: set[str] = set()
        query = select(OBSERVATION).where(_of(experiment, phase)).order_by(OBSERVATION.c.prediction_id)
        for row in map(tuple, _stream(connection, query)):
            own: tuple[StoredLabel, ...] = ()
            while labelled == row[_ID] and label is not None:
                own += (label,)
                labelled, label = next(labels, _NO_MORE)
            yield _phase_row(reader.read(row), row, own, seen)


def count_phase(database: Database, experiment: str, phase: int) -> PhaseCounts:
    """Count what `read_phase` would yield."""
    with database.read() as connection:
        observations = select(func.count()).select_from(OBSERVATION).where(_of(experiment, phase))
        by_source = (
            select(LABEL.c.source, func.count()).join(OBSERVATION, _about(LABEL)).where(_of(experiment, phase))
        ).group_by(LABEL.c.source)
        revised: dict[LabelSource, int] = {}
        for _, source in _revised(connection, experiment, phase):
            revised[source] = revised.get(source, 0) + 1
        labels = {source: int(count) for source, count in connection.execute(by_source)}
        return PhaseCounts(connection.execute(observations).scalar_one(), labels, revised)


def disagreements(database: Database, experiment: str, phase: int, limit: int) -> list[Observation]:
    """Return what people should label next: first the random sample, then texts on which the arms disagree.

    Nothing that has a label of people already, and no text twice: a second label of it would not count.

    Args:
        database: the store.
        experiment: its name.
        phase: its number.
        limit: the most that is returned; oldest first, of each kind.
    """
    first = select(func.min(OBSERVATION.c.prediction_id)).where(_of(experiment, phase))
    trusted = exists().where(_about(LABEL), LABEL.c.source.in_(["gold", "audit"]))
    query = (
        select(OBSERVATION)
        .where(_of(experiment, phase), OBSERVATION.c.audit | OBSERVATION.c.disagree, ~trusted)
        .where(OBSERVATION.c.text_hmac.is_not(None), ~OBSERVATION.c.repeated)
        .where(OBSERVATION.c.prediction_id.in_(first.group_by(OBSERVATION.c.text_hmac)))
        .order_by(OBSERVATION.c.audit.desc(), OBSERVATION.c.prediction_id)
        .limit(limit)
    )
    with database.read() as connection:
        reader = ObservationReader(read_terms(connection))
        return [reader.read(tuple(row)) for row in connection.execute(query)]


def recent_texts(database: Database, limit: int) -> list[str]:
    """Return the texts that were kept last, each once, the newest first."""
    query = select(OBSERVATION.c.text).where(OBSERVATION.c.text.is_not(None))
    newest = query.order_by(OBSERVATION.c.prediction_id.desc()).limit(limit)
    with database.read() as connection:
        return list(dict.fromkeys(connection.execute(newest).scalars()))


def _of(experiment: str, phase: int) -> ColumnElement[bool]:
    return OBSERVATION.c.phase == number_of(experiment, phase)


def _about(table: Table) -> ColumnElement[bool]:
    return table.c.prediction_id == OBSERVATION.c.prediction_id


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    return iter(connection.execution_options(yield_per=_AT_ONCE).execute(query))


def _revised(connection: Connection, experiment: str, phase: int) -> dict[tuple[str, LabelSource], str]:
    """Return the last revision of each label of a phase that has one; people make few."""
    columns = LABEL_REVISION.c.prediction_id, LABEL_REVISION.c.source, LABEL_REVISION.c.label
    query = select(*columns).join(OBSERVATION, _about(LABEL_REVISION)).where(_of(experiment, phase))
    in_order = query.order_by(LABEL_REVISION.c.received_at, LABEL_REVISION.c.label)
    return {(prediction_id, source): label for prediction_id, source, label in connection.execute(in_order)}


def _labels(
    connection: Connection, experiment: str, phase: int, revised: Mapping[tuple[str, LabelSource], str]
) -> Iterator[tuple[str, StoredLabel]]:
    """Yield each label of a phase with its prediction, in the order of `read_phase`."""
    query = select(LABEL).join(OBSERVATION, _about(LABEL)).where(_of(experiment, phase))
    for row in _stream(connection, query.order_by(LABEL.c.prediction_id, LABEL.c.source)):
        last = revised.get((row.prediction_id, row.source))
        yield row.prediction_id, StoredLabel(row.source, row.label, row.seq, row.received_at, last)


def _phase_row(
    observation: Observation, row: tuple[Any, ...], labels: tuple[StoredLabel, ...], seen: set[str]
) -> PhaseRow:
    text: str | None = row[_TEXT_HMAC]
    if text is None:
        return PhaseRow(observation._replace(text_hmac=observation.prediction_id), labels, row[_REPEATED], True)
    repeated = row[_REPEATED] or text in seen
    seen.add(text)
    return PhaseRow(observation, labels, repeated, False)


_PLACES = {column.name: place for place, column in enumerate(OBSERVATION.columns)}
_ID, _TEXT_HMAC, _REPEATED = _PLACES["prediction_id"], _PLACES["text_hmac"], _PLACES["repeated"]

_NO_MORE: tuple[str, StoredLabel | None] = ("", None)
