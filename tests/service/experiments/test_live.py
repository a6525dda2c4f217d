import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.experiments.design import Guardrails
from service.experiments.live import Live, LiveArm, design_of, fingerprint
from tests.service.experiments.declarations import GRU, LSTM, experiment_of


def test_the_design_holds_what_the_analysis_depends_on() -> None:
    assert design_of(experiment_of(), [GRU, LSTM]) == {
        "mode": "shadow_randomized",
        "arms": [
            {"name": "gru", "model": "gru", "version": 2, "weight": 1.0},
            {"name": "lstm", "model": "lstm", "version": 1, "weight": 1.0},
        ],
        "coverage": 1.0,
        "margin": 0.01,
        "alpha": 0.05,
        "audit_share": 0.1,
        "minimum_labels": 100,
        "maturity_s": 0.0,
        "guardrails": {"latency_slo_s": 0.1, "latency_margin": 0.01, "error_margin": 0.01},
    }


def test_the_design_is_json() -> None:
    design = design_of(experiment_of(), [GRU, LSTM])
    assert json.loads(json.dumps(design)) == design


def _arm(**changes: float) -> Callable[[Experiment], Experiment]:
    return lambda experiment: replace(
        experiment,
        arms=(replace(experiment.arms[0], **changes), *experiment.arms[1:]),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "change",
    [
        _arm(weight=2.0),
        lambda experiment: replace(experiment, arms=(Arm("other", "gru", None, 1.0), experiment.arms[1])),
        lambda experiment: replace(experiment, mode="split"),
        lambda experiment: replace(experiment, coverage=0.5),
        lambda experiment: replace(experiment, margin=0.02),
        lambda experiment: replace(experiment, alpha=0.1),
        lambda experiment: replace(experiment, audit_share=0.2),
        lambda experiment: replace(experiment, minimum_labels=200),
        lambda experiment: replace(experiment, maturity_s=1.0),
        lambda experiment: replace(experiment, guardrails=Guardrails(latency_slo_s=0.2)),
        lambda experiment: replace(experiment, guardrails=Guardrails(latency_margin=0.2)),
        lambda experiment: replace(experiment, guardrails=Guardrails(error_margin=0.2)),
    ],
)
def test_any_change_of_what_counts_is_another_phase(change: Callable[[Experiment], Experiment]) -> None:
    experiment = experiment_of()
    assert fingerprint(change(experiment), [GRU, LSTM]) != fingerprint(experiment, [GRU, LSTM])


def test_a_new_version_or_another_order_of_the_arms_is_another_phase() -> None:
    experiment = experiment_of()
    swapped = replace(experiment, arms=experiment.arms[::-1])
    marks = {
        fingerprint(experiment, [GRU, LSTM]),
        fingerprint(experiment, [VersionRef("gru", 3), LSTM]),
        fingerprint(swapped, [LSTM, GRU]),
    }
    assert len(marks) == 3


def test_stopping_or_naming_the_latest_version_by_its_number_keeps_the_phase() -> None:
    experiment = experiment_of()
    same = [
        replace(experiment, state="stopped"),
        replace(experiment, arms=(Arm("gru", "gru", 2, 1.0), experiment.arms[1])),
    ]
    assert {fingerprint(it, [GRU, LSTM]) for it in [experiment, *same]} == {fingerprint(experiment, [GRU, LSTM])}


def test_the_fingerprint_is_the_same_in_every_process_and_release() -> None:
    assert (
        fingerprint(experiment_of(), [GRU, LSTM]) == "bb65b583d1575cb286edb52aae5f26534e2fc4e7c69c96c1a6d06f86b11e0ed4"
    )


def test_the_parts_of_the_arms_end_at_one() -> None:
    weights = [0.1] * 3 + [0.7, 1e-6]
    arms = tuple(LiveArm(str(place), GRU, weight) for place, weight in enumerate(weights))
    bounds = Live(experiment_of(), 1, arms).bounds
    assert bounds[-1] == 1.0
    assert list(bounds) == sorted(bounds)
