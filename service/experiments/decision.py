"""The one recommendation that follows from the evidence. Pure, and cheap enough to ask for after every label."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp

from service.experiments.design import Design
from service.experiments.evidence import Evidence
from service.experiments.faults import faults
from service.experiments.guardrails import Guardrail
from service.experiments.pairs import Pair

_SERVED = 0
"""The place of the arm that serves every text in the mode `shadow`."""

_STOPPED = "stopped: the experiment was stopped before anything could be said"


class State(StrEnum):
    """What can be recommended, in the order in which it is looked for."""

    UNHEALTHY = "unhealthy"
    HARMFUL = "harmful"
    WINNER = "winner"
    EQUIVALENT = "equivalent"
    INSUFFICIENT = "insufficient"
    KEEP_COLLECTING = "keep_collecting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, and why.

    Attributes:
        state: the recommendation.
        arm: the winner, or the arm that does harm.
        reasons: why, in plain words.
        notes: what else one should know.
        labels_needed: how many more labels are expected until it is decided; None if it is, or cannot be foreseen. The
            report fills it in: foreseeing takes longer than deciding.
    """

    state: State
    arm: str | None
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    labels_needed: int | None = None


def decide(design: Design, evidence: Evidence) -> Recommendation:
    """Return the recommendation.

    A winner needs evidence of comparisons / alpha against every other arm, at any time so far, and no breach of a
    guardrail. Where health fails, or an arm does harm, that is said instead. What traffic alone shows (health and
    guardrails) is said from the start; what labels show, after `minimum_labels` of them.
    """
    if found := faults(evidence):
        return Recommendation(State.UNHEALTHY, None, tuple(found))
    if breaches := [guardrail for guardrail in evidence.guardrails if guardrail.breached is not None]:
        arm = design.arms[breaches[0].breached or 0].name
        return Recommendation(State.HARMFUL, arm, tuple(_breach(design, each) for each in breaches))
    if evidence.trusted < design.minimum_labels:
        return _insufficient(design, evidence)
    decided = [pair for pair in evidence.pairs if pair.verdict.better is not None]
    if decided and (recommendation := _by_accuracy(design, decided)):
        return recommendation
    if all(pair.equivalent(design.margin, evidence.alpha_each) for pair in evidence.pairs):
        reason = f"equivalent: the accuracies of any two arms differ by no more than {design.margin:.1%}"
        return Recommendation(State.EQUIVALENT, None, (reason,))
    return _undecided(design, evidence, decided)


def _insufficient(design: Design, evidence: Evidence) -> Recommendation:
    reason = f"burn_in: {evidence.trusted} of the first {design.minimum_labels} trusted labels are there"
    if not design.running:
        return Recommendation(State.STOPPED, None, (_STOPPED, reason))
    return Recommendation(State.INSUFFICIENT, None, (reason,))


def _by_accuracy(design: Design, decided: Sequence[Pair]) -> Recommendation | None:
    """Name the arm that beats every other; failing that, where the first arm always serves, one that is worse than it.

    A winner other than the served arm comes first: that a third arm is worse must not hide it.
    """
    reasons = tuple(_win(design, pair) for pair in decided)
    [(leader, wins)] = Counter(pair.verdict.better for pair in decided).most_common(1)
    if leader is not None and wins == len(design.arms) - 1 and (design.randomized or leader != _SERVED):
        return Recommendation(State.WINNER, design.arms[leader].name, reasons)
    harmful = [pair.b for pair in decided if pair.verdict.better == _SERVED and not design.randomized]
    if harmful:
        return Recommendation(State.HARMFUL, design.arms[harmful[0]].name, reasons)
    return None


def _undecided(design: Design, evidence: Evidence, decided: Sequence[Pair]) -> Recommendation:
    reason = (
        f"undecided: not every comparison has evidence of {exp(evidence.log_threshold):g}, "
        f"nor has every one an interval within {design.margin:.1%}"
    )
    notes = tuple(_win(design, pair) for pair in decided)
    if not design.running:
        return Recommendation(State.STOPPED, None, (_STOPPED, reason), notes)
    return Recommendation(State.KEEP_COLLECTING, None, (reason,), notes)


def _win(design: Design, pair: Pair) -> str:
    verdict = pair.verdict
    better, worse = design.arms[verdict.better or 0].name, design.arms[verdict.worse or 0].name
    return f"better: {better} is right more often than {worse} (decided after {verdict.decided_at} labels)"


def _breach(design: Design, guardrail: Guardrail) -> str:
    bad, good = guardrail.a, guardrail.b
    if guardrail.breached == guardrail.b:
        bad, good = good, bad
    what = f"takes longer than {design.guardrails.latency_slo_s:g} s" if guardrail.metric == "latency" else "fails"
    name, other = design.arms[bad].name, design.arms[good].name
    return (
        f"{guardrail.metric}: {name} {what} more often than {other}, by more than {guardrail.margin:.1%} of the texts"
    )
