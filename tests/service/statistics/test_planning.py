from collections.abc import Callable
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.errors_by_arm import log_e_two
from service.statistics.planning import further_labels_paired, further_labels_split
from service.statistics.sign import log_e_two_sided

THRESHOLD = log(20)
SMALL = 1e-3
"""Of a label: so little is known yet that all of the experiment lies ahead, but in the right shares."""


@pytest.mark.parametrize(
    ("difference", "prior", "median", "late"),
    [(0.02, 10, 1762, 3194), (0.03, 10, 878, 1441), (0.05, 10, 385, 548), (0.05, 1, 298, 499)],
)
def test_paired_plan_lies_between_the_median_and_the_eightieth_percentile_of_the_reference(
    difference: float, prior: float, median: int, late: int
) -> None:
    wins, losses = SMALL * (0.1 + difference) / 2, SMALL * (0.1 - difference) / 2
    plan = further_labels_paired(wins, losses, SMALL, THRESHOLD, prior)
    assert plan is not None
    assert median <= plan <= late


@pytest.mark.parametrize(("better", "median", "late"), [(0.87, 5636, 9865), (0.88, 2224, 3781), (0.90, 798, 1238)])
def test_split_plan_lies_between_the_median_and_the_eightieth_percentile_of_the_reference(
    better: float, median: int, late: int
) -> None:
    plan = further_labels_split((SMALL * 0.15, SMALL * (1 - better)), 2 * SMALL, THRESHOLD)
    assert plan is not None
    assert median <= plan / 2 <= late


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 1000))
def test_at_the_end_of_the_plan_the_evidence_suffices(wins: int, losses: int, equal: int) -> None:
    labels = wins + losses + equal
    plan = further_labels_paired(wins, losses, labels, THRESHOLD)
    if plan is None:
        assert wins == losses or labels == 0
        return
    times = 1 + plan / labels
    assert log_e_two_sided(times * wins, times * losses) >= THRESHOLD - 1e-9
    if plan > 1:
        times = 1 + (plan - 2) / labels
        assert log_e_two_sided(times * wins, times * losses) < THRESHOLD


def test_a_decision_already_made_needs_nothing() -> None:
    assert further_labels_paired(60, 10, 500, THRESHOLD) == 0
    assert further_labels_split((200, 20), 2000, THRESHOLD) == 0


def test_nothing_that_differs_is_no_decision_in_sight() -> None:
    assert further_labels_paired(0, 0, 100, THRESHOLD) is None
    assert further_labels_paired(20, 20, 100, THRESHOLD) is None
    assert further_labels_split((30, 10), 500, THRESHOLD, share_a=0.75) is None


def test_uneven_shares_of_traffic_are_allowed_for() -> None:
    plan = further_labels_split((30, 20), 500, THRESHOLD, share_a=0.8)
    assert plan is not None
    times = 1 + plan / 500
    assert log_e_two(times * 30, times * 20, 0.8) >= THRESHOLD - 1e-9


def test_arguments_out_of_range_are_refused() -> None:
    refusals: list[Callable[[], int | None]] = [
        lambda: further_labels_paired(5, 6, 10, THRESHOLD),
        lambda: further_labels_paired(-1, 6, 10, THRESHOLD),
        lambda: further_labels_split((5, 6), 10, THRESHOLD),
        lambda: further_labels_split((5, 6), 20, THRESHOLD, share_a=1.0),
    ]
    for refused in refusals:
        with pytest.raises(ValueError, match="expected"):
            refused()
