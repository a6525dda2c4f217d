"""Phases to judge: designs, observed texts and labels, made as briefly as a test can say what it needs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.experiments.design import Design
from service.experiments.evidence import Evidence
from service.experiments.live import design_of
from service.experiments.observation import LabelSource, Observation, Outcome, Reason
from service.store.reading import PhaseRow, StoredLabel

NAMES = ("gru", "lstm", "rnn")


def design(arms: int = 2, **changes: Any) -> Design:
    """Return a phase of equal arms with the default settings, but for the changes."""
    refs = [VersionRef(name, 1) for name in NAMES[:arms]]
    declared = Experiment("nsmc", tuple(Arm(ref.name, ref.name, None, 1) for ref in refs))
    return replace(Design.of_phase("nsmc", 2, design_of(declared, refs)), **changes)


def outcome(arm: str, positive: float | None = 0.9, latency_us: int = 300, error: str = "model_error") -> Outcome:
    """Return an answer that gives `positive` this probability; with None, a failure."""
    if positive is None:
        return Outcome(arm, arm, 1, None, (), None, error)
    label = "positive" if positive > 0.5 else "negative"
    return Outcome(arm, arm, 1, label, (1 - positive, positive), latency_us)


def text(
    number: int,
    positives: Sequence[float | None] = (0.9, 0.9),
    served: int = 0,
    unit: str | None = None,
    **changes: Any,
) -> Observation:
    """Return a text with what each arm made of it; in a second of its own."""
    outcomes = tuple(outcome(NAMES[place], positive) for place, positive in enumerate(positives))
    reason: Reason = "random" if unit is None else "hash"
    made = Observation(
        f"{number:08d}",
        "nsmc",
        2,
        unit,
        f"text {number}",
        None,
        9,
        NAMES[served],
        reason,
        False,
        float(number),
        outcomes,
    )
    return made._replace(**changes)


def split_text(number: int, arm: int, positive: float = 0.9, unit: str | None = None) -> Observation:
    """Return a text that met one arm only."""
    return text(number, served=arm, unit=unit)._replace(outcomes=(outcome(NAMES[arm], positive),))


def row(observation: Observation, *labels: StoredLabel, repeated: bool = False, stripped: bool = False) -> PhaseRow:
    """Return what the store would say of a text."""
    return PhaseRow(observation, labels, repeated, stripped)


def given(
    seq: int,
    label: str = "positive",
    source: LabelSource = "audit",
    received_at: float | None = None,
    revised: str | None = None,
) -> StoredLabel:
    """Return a label; it comes at the second of its number unless told otherwise."""
    return StoredLabel(source, label, seq, float(seq) if received_at is None else received_at, revised)


def table_of(both: int, a_only: int, b_only: int, neither: int) -> list[tuple[float, float]]:
    """Return probabilities of two arms for positive texts; where one alone is right, they take turns while they can."""
    kinds = [(0.9, 0.9)] * both + [(0.3, 0.3)] * neither
    kinds += [(0.9, 0.3), (0.3, 0.9)] * min(a_only, b_only)
    kinds += [(0.9, 0.3)] * (a_only - b_only) if a_only > b_only else [(0.3, 0.9)] * (b_only - a_only)
    return kinds


def labelled(judged_by: Design, kinds: Iterable[Sequence[float | None]], source: LabelSource = "audit") -> Evidence:
    """Return the evidence of positive texts that were all labelled; chance decides who served if it may."""
    evidence, chance = Evidence(judged_by), Random(8)
    for number, positives in enumerate(kinds):
        served = chance.randrange(len(judged_by.arms)) if judged_by.randomized else 0
        observed = text(number, positives, served)
        evidence.observe(observed)
        evidence.label(observed, "positive", source)
    return evidence
