from dataclasses import replace

import pytest

from model_store.layout import VersionRef
from service.experiments.declaration import parse
from service.experiments.design import Design, DesignArm, Guardrails, Mode
from service.experiments.live import design_of
from tests.service.experiments.phases import design

DECLARED = """
[[experiment]]
name = "nsmc"
mode = "split"
margin = 0.02
alpha = 0.1
minimum_labels = 50
maturity_s = 60
[[experiment.arms]]
model = "gru"
weight = 3
[[experiment.arms]]
model = "lstm"
version = 4
[experiment.guardrails]
latency_slo_s = 0.2
latency_margin = 0.03
error_margin = 0.04
"""


def test_what_is_declared_is_what_judges() -> None:
    [experiment] = parse(DECLARED)
    stored = design_of(experiment, [VersionRef("gru", 2), VersionRef("lstm", 4)])
    arms = (DesignArm("gru", "gru", 2, 0.75), DesignArm("lstm", "lstm", 4, 0.25))
    judged = Design("nsmc", 3, "split", arms, 0.1, 0.02, 50, 60.0, Guardrails(0.2, 0.03, 0.04), running=False)
    assert Design.of_phase("nsmc", 3, stored, running=False) == judged


def test_every_two_arms_are_compared_once() -> None:
    assert design(3).pairs == ((0, 1), (0, 2), (1, 2))


@pytest.mark.parametrize(("mode", "shares"), [("shadow", (1.0, 0.0)), ("split", (0.5, 0.5))])
def test_what_an_arm_serves_depends_on_the_mode(mode: Mode, shares: tuple[float, ...]) -> None:
    assert replace(design(), mode=mode).served_shares == shares
