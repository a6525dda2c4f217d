"""Brings the rows of a phase into the order in which they became known, and adds them up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from typing import NamedTuple

from service.experiments.design import Design
from service.experiments.evidence import Evidence
from service.experiments.observation import LabelSource, Observation
from service.store.reading import PhaseRow, StoredLabel

TRUSTED: tuple[LabelSource, ...] = ("gold", "audit")
"""The sources that decide; of two labels of one prediction the one of the source named first counts."""

_POINTS = 200
"""Of the course of a comparison, at most."""


class Known(NamedTuple):
    """A label, and when it begins to count.

    Attributes:
        since: seconds since 1970: when it came, or when its prediction matured if that was later.
        seq: its place among all labels.
        observation: what it is about.
        given: the label itself.
        draw: whether it is still known whose text it is.
    """

    since: float
    seq: int
    observation: Observation
    given: StoredLabel
    draw: bool


class Point(NamedTuple):
    """A comparison after some labels."""

    labels: int
    delta: float
    lower: float
    upper: float
    log10_e: float


@dataclass(slots=True)
class Folded:
    """What a phase adds up to.

    Attributes:
        evidence: all of it.
        course: of each pair, over its labels.
        known: the labels, in the order in which they began to count.
        repeated: texts that were seen before and do not count again.
        immature: texts that are too young to count.
        newest: when the last text or label came that was taken in, in seconds since 1970; 0 without any.
    """

    evidence: Evidence
    course: list[list[Point]]
    known: list[Known] = field(default_factory=list)
    repeated: int = 0
    immature: int = 0
    newest: float = 0.0


def fold(design: Design, rows: Iterable[PhaseRow], as_of: float) -> Folded:
    """Add up the rows of a phase.

    Labels count in the order in which they began to count, so what was once published is found again by folding what
    was known then.

    Args:
        design: of the phase.
        rows: by the time of their texts.
        as_of: seconds since 1970; what came later is left out.
    """
    folded = Folded(Evidence(design), [[] for _ in design.pairs])
    folded.evidence.observe_all(_counted(folded, rows, as_of))
    folded.known = _in_order(folded.known, design.maturity_s)
    marks = _marks(len(folded.known))
    for number, known in enumerate(folded.known, 1):
        folded.evidence.label(known.observation, known.given.label, known.given.source, known.draw)
        if number in marks:
            _mark(folded)
    return folded


def revised(folded: Folded) -> Evidence | None:
    """Return what the labels would add up to if each were what its source said last; None if none was revised.

    It holds no traffic and decides nothing: labels that follow the results would make them say anything.
    """
    if all(known.given.revised is None for known in folded.known):
        return None
    evidence = Evidence(folded.evidence.design)
    for known in folded.known:
        evidence.label(known.observation, known.given.revised or known.given.label, known.given.source, draw=False)
    return evidence


def _counted(folded: Folded, rows: Iterable[PhaseRow], as_of: float) -> Iterator[Observation]:
    """Yield the texts that count, and put their labels aside."""
    maturity_s = folded.evidence.design.maturity_s
    for observation, labels, repeated, stripped in rows:
        created_at = observation.created_at
        if created_at > as_of:
            continue
        folded.newest = max(folded.newest, created_at)
        if repeated:
            folded.repeated += 1
        elif created_at + maturity_s > as_of:
            folded.immature += 1
        else:
            if not stripped:
                yield observation
            if labels:
                _put_aside(folded, observation, _counting(labels, as_of), stripped)


def _put_aside(folded: Folded, observation: Observation, labels: Iterable[StoredLabel], stripped: bool) -> None:
    for given in labels:
        folded.newest = max(folded.newest, given.received_at)
        folded.known.append(Known(given.received_at, given.seq, observation, given, not stripped))


def _counting(labels: Sequence[StoredLabel], as_of: float) -> list[StoredLabel]:
    """Return the labels of a prediction that count: one that is trusted, and the user's."""
    by_source = {label.source: label for label in labels if label.received_at <= as_of}
    trusted = [by_source[source] for source in TRUSTED if source in by_source]
    return [*trusted[:1], *(label for source, label in by_source.items() if source not in TRUSTED)]


def _in_order(known: list[Known], maturity_s: float) -> list[Known]:
    """Sort labels by the time from which they count; clocks of several machines must not upset their own order."""
    known.sort(key=lambda each: each.seq)
    latest, ordered = 0.0, []
    for each in known:
        latest = max(latest, each.since)
        ordered.append(each._replace(since=max(latest, each.observation.created_at + maturity_s)))
    return sorted(ordered, key=lambda each: (each.since, each.seq))


def _marks(labels: int) -> set[int]:
    """Return after which labels the course is noted."""
    return {-(-labels * point // _POINTS) for point in range(1, _POINTS + 1)}


def _mark(folded: Folded) -> None:
    for pair, points in zip(folded.evidence.pairs, folded.course, strict=True):
        if pair.labels and (not points or points[-1].labels < pair.labels):
            delta, lower, upper = (float(each) for each in pair.interval(folded.evidence.alpha_each))
            points.append(Point(pair.labels, delta, lower, upper, pair.verdict.log_e / log(10)))
