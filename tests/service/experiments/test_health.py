import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.experiments.health import Health
from service.experiments.observation import Outcome
from tests.service.experiments.phases import NAMES, design, outcome

GOOD = [outcome("gru"), outcome("lstm")]


def test_a_unit_is_counted_once_however_often_it_comes() -> None:
    health = Health(design())
    for _ in range(3):
        health.observe("somebody", 0, GOOD)
        health.label("somebody", 0)
    assert (health.assignments.counts, health.answers.counts, health.labels.counts) == ([1, 0], [1, 0], [1, 0])
    assert health.shadows.counts == [0, 1]


def test_requests_without_a_key_are_units_of_their_own() -> None:
    health = Health(design())
    for _ in range(3):
        health.observe(None, 1, GOOD)
    assert health.units == 3
    assert [health.label(None, 1) for _ in range(2)] == [True, True]


def test_only_the_first_label_of_a_unit_is_a_draw() -> None:
    health = Health(design())
    assert [health.label("somebody", 0) for _ in range(2)] == [True, False]


def test_a_unit_served_by_two_arms_is_mixed_once() -> None:
    health = Health(design())
    for served in (0, 1, 0, 1):
        health.observe("somebody", served, GOOD)
    health.observe("other", 1, GOOD)
    assert (health.mixed, health.units) == (1, 2)


def test_shadow_answers_that_never_came_are_lost_and_not_counted_as_completed() -> None:
    health = Health(design(3))
    health.observe(None, 0, [outcome("gru"), outcome("lstm", None, error="dropped"), None])
    assert (health.expected, health.lost) == (2, 2)
    assert health.shadows.total == 0


def test_an_unanswered_text_is_assigned_and_not_answered() -> None:
    health = Health(design())
    health.observe(None, 0, [outcome("gru", None), outcome("lstm")])
    assert (health.assignments.total, health.answers.total, health.lost) == (1, 0, 0)


def test_split_traffic_has_no_shadows() -> None:
    health = Health(design(mode="split"))
    health.observe(None, 0, [outcome("gru"), None])
    assert (health.expected, health.lost) == (0, 0)
    assert "shadows" not in health.streams


def test_where_the_first_arm_always_serves_another_one_is_an_alarm() -> None:
    health = Health(design(mode="shadow"))
    health.observe(None, 0, GOOD)
    assert not health.assignments.alarmed
    health.observe(None, 1, GOOD)
    assert health.assignments.alarmed


@given(st.integers(2, 4), st.data())
def test_one_unit_never_adds_to_the_evidence_of_shadows_on_average(arms: int, data: st.DataObject) -> None:
    """The alternative may favour any arms: over who serves, the likelihood ratio of a unit has a mean of at most 1."""
    weights = st.lists(st.floats(0.05, 1), min_size=arms, max_size=arms)
    served, other = (np.array(data.draw(weights)) for _ in range(2))
    served, other = served / served.sum(), other / other.sum()
    ratios = other / ((1 - served) / (arms - 1))
    mean = sum(served[arm] * np.prod(np.delete(ratios, arm)) for arm in range(arms))
    assert mean <= 1 + 1e-9


@pytest.mark.parametrize("mode", ["shadow", "shadow_randomized"])
def test_shares_of_shadow_answers_are_those_of_what_other_arms_serve(mode: str) -> None:
    random = np.random.default_rng(5)
    health = Health(design(3, mode=mode))
    answers: list[Outcome] = [outcome(name) for name in NAMES]
    for _ in range(2000):
        health.observe(None, int(random.integers(3)) if mode != "shadow" else 0, answers)
    assert not health.shadows.alarmed
    assert health.shadows.total == 4000
