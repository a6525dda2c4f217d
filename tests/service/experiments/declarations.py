"""Declarations for tests."""

from collections.abc import Sequence

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.experiments.live import Live, LiveArm
from service.registry import Entry, State
from tests.versions import Shape, manifest_of

GRU, LSTM = VersionRef("gru", 2), VersionRef("lstm", 1)

SMALL = """
[[experiment]]
name = "gru-or-lstm"

[[experiment.arms]]
model = "gru"

[[experiment.arms]]
model = "lstm"
"""
"""All that must be said; everything else has a default."""

FULL = """
[[experiment]]
name = "gru-or-lstm"
state = "stopped"
mode = "split"
coverage = 0.5
margin = 0.02
alpha = 0.1
audit_share = 1
minimum_labels = 7
maturity_s = 60

[[experiment.arms]]
name = "old"
model = "gru"
version = 1
weight = 3

[[experiment.arms]]
name = "new"
model = "gru"
version = "latest"
weight = 0.5

[experiment.guardrails]
latency_slo_s = 0.05
latency_margin = 0
error_margin = 0.002
"""


def experiment_of(*arms: Arm, name: str = "gru-or-lstm") -> Experiment:
    """Return an experiment with its defaults; between gru and lstm if no arms are given."""
    return Experiment(name, arms or (Arm("gru", "gru", None, 1.0), Arm("lstm", "lstm", None, 1.0)))


def live_of(experiment: Experiment, refs: Sequence[VersionRef] = (GRU, LSTM), phase: int = 1) -> Live:
    """Return what answers when these versions stand for the arms."""
    arms = zip(experiment.arms, refs, strict=True)
    return Live(experiment, phase, tuple(LiveArm(arm.name, ref, arm.weight) for arm, ref in arms))


def entry(labels: tuple[str, ...] = ("negative", "positive")) -> Entry:
    """Return what the registry knows of a version that is ready."""
    return Entry(State.READY, manifest=manifest_of("any", 10, Shape(labels)))
