"""Runs of an experiment: the real evidence, and the real decision after every label."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from model_store.layout import VersionRef
from service.experiments.decision import Recommendation, decide
from service.experiments.declaration import Arm, Experiment
from service.experiments.design import Design
from service.experiments.evidence import Evidence
from service.experiments.live import design_of
from service.experiments.observation import LabelSource, Observation, Outcome

LABELS = ("negative", "positive")
ARMS = ("a", "b")


class Trial(NamedTuple):
    """A text that was answered, and the label that came for it, if any."""

    observation: Observation
    label: str | None
    source: LabelSource = "audit"


def two_arms() -> Design:
    """Return the design of an experiment between `a` and `b` with the default settings."""
    refs = [VersionRef(name, 1) for name in ARMS]
    declared = Experiment("prove", tuple(Arm(ref.name, ref.name, None, 1) for ref in refs))
    return Design.of_phase("prove", 1, design_of(declared, refs))


def outcomes(probabilities_a: tuple[float, float], probabilities_b: tuple[float, float]) -> tuple[Outcome, ...]:
    """Return what both arms made of a text."""
    return tuple(
        Outcome(arm, arm, 1, LABELS[answer[1] > answer[0]], answer, 300)
        for arm, answer in zip(ARMS, (probabilities_a, probabilities_b), strict=True)
    )


def observation(text: str, served_arm: str, made: tuple[Outcome, ...]) -> Observation:
    """Return a text of a client without a key."""
    return Observation(text, "prove", 1, None, text, None, 9, served_arm, "random", False, 0.0, made)


def decisions(design: Design, trials: Iterable[Trial]) -> Iterator[Recommendation]:
    """Yield the decision after every trial."""
    evidence = Evidence(design)
    for trial in trials:
        evidence.observe(trial.observation)
        if trial.label is not None:
            evidence.label(trial.observation, trial.label, trial.source)
        yield decide(design, evidence)
