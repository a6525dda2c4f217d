"""The report of one phase, as JSON knows it: health first, then arms, pairs, guardrails and the recommendation."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from math import exp, inf, isfinite
from typing import Any

from service.experiments.decision import Recommendation, State, decide
from service.experiments.design import Design
from service.experiments.evidence import Evidence
from service.experiments.faults import faults
from service.experiments.figures import Figures, arm_figures, guardrail_figures, health_figures, mean
from service.experiments.folding import TRUSTED, Folded, fold, revised
from service.experiments.pair_figures import pair_figures, pair_table
from service.experiments.planning import labels_needed
from service.statistics import asymptotic, errors_by_arm, sign
from service.store.database import Database
from service.store.phases import read_phases
from service.store.reading import PhaseRow, read_phase

SCHEMA = "ab-report/1"

_DIGITS = 9
"""Significant ones; a float32 needs no more, and the last of a float64 differ between machines."""

_NOTES = (
    "p_fixed_n_mcnemar holds for a single look planned beforehand; it is invalid under monitoring and decides nothing",
    "estimates are inflated where a decision came early: read the intervals",
)


def build_report(
    database: Database, experiment: str, phase: int | None = None, as_of: float | None = None, running: bool = True
) -> Figures | None:
    """Report on a phase of an experiment; takes seconds for a million texts, hence a process of its own.

    The same rows give the same report, to the byte: it knows no time but theirs.

    Args:
        database: the store.
        experiment: its name.
        phase: its number; None for the newest.
        as_of: seconds since 1970, what came later is left out; None for everything.
        running: False if the experiment was stopped.

    Returns:
        What JSON knows; None if there is no such phase.
    """
    phases = {each.number: each for each in read_phases(database, experiment)}
    found = phases.get(max(phases, default=0) if phase is None else phase)
    if found is None:
        return None
    design = Design.of_phase(experiment, found.number, found.design, running)
    if as_of is None and design.maturity_s:
        as_of = newest(read_phase(database, experiment, found.number))
    folded = fold(design, read_phase(database, experiment, found.number), inf if as_of is None else as_of)
    return assemble(folded, folded.newest if as_of is None else as_of, found.started_at)


def newest(rows: Iterable[PhaseRow]) -> float:
    """Return when the last text or label came, in seconds since 1970; 0 without any."""
    times = (max([row.observation.created_at, *(label.received_at for label in row.labels)]) for row in rows)
    return max(times, default=0.0)


def assemble(folded: Folded, as_of: float, started_at: float) -> Figures:
    """Put the report together; times in seconds since 1970."""
    evidence, design = folded.evidence, folded.evidence.design
    pairs = zip(evidence.pairs, folded.course, strict=True)
    report = {
        "schema": SCHEMA,
        "experiment": design.experiment,
        "phase": design.phase,
        "as_of": _iso(as_of),
        "design": _design(evidence, started_at),
        "health": health_figures(folded, faults(evidence)),
        "arms": [arm_figures(evidence, place) for place in range(len(design.arms))],
        "pairs": [pair_figures(evidence, pair, course) for pair, course in pairs],
        "guardrails": [guardrail_figures(evidence, guardrail) for guardrail in evidence.guardrails],
        "sensitivity": _sensitivity(folded),
        "recommendation": _recommendation(evidence),
    }
    plain: Figures = _plain(report)
    return plain


def _design(evidence: Evidence, started_at: float) -> Figures:
    design = evidence.design
    return {
        "mode": design.mode,
        "arms": [
            {"arm": arm.name, "model": arm.model, "version": arm.version, "share": arm.share} for arm in design.arms
        ],
        "alpha": design.alpha,
        "comparisons": len(design.pairs),
        "alpha_per_comparison": evidence.alpha_each,
        "e_threshold": exp(evidence.log_threshold),
        "prior": sign.DEFAULT_PRIOR if design.paired else errors_by_arm.DEFAULT_PRIOR,
        "n_star": asymptotic.PAIRED_SHARPEST if design.paired else asymptotic.SPLIT_SHARPEST,
        "margin": design.margin,
        "minimum_labels": design.minimum_labels,
        "maturity_s": design.maturity_s,
        "sources": list(TRUSTED),
        "running": design.running,
        "preregistered_at": _iso(started_at),
    }


def _sensitivity(folded: Folded) -> Figures:
    """Return what does not decide: what users say, and what the labels would say as they were last revised."""
    evidence, last = folded.evidence, revised(folded)
    reported = zip(evidence.design.arms, evidence.arms, strict=True)
    return {
        "user_reported": {
            arm.name: {"labels": tally.reported, "right_ratio": mean(tally.reported_right, tally.reported)}
            for arm, tally in reported
        },
        "with_revisions": {
            "revised": sum(known.given.revised is not None for known in folded.known),
            "pairs": [pair_table(last, pair) for pair in last.pairs] if last else [],
        },
    }


def _recommendation(evidence: Evidence) -> Figures:
    found: Recommendation = decide(evidence.design, evidence)
    if found.state in (State.INSUFFICIENT, State.KEEP_COLLECTING):
        found = replace(found, labels_needed=labels_needed(evidence))
    return {
        "state": found.state.value,
        "arm": found.arm,
        "reasons": list(found.reasons),
        "notes": [*found.notes, *_NOTES],
        "labels_needed": found.labels_needed,
    }


def _iso(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds") if seconds else None


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: numbers of NumPy as Python's, rounded, and None for what is no number."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    number = float(value)
    return float(f"{number:.{_DIGITS}g}") if isfinite(number) else None
