import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.asymptotic import rho_squared, split_interval
from service.statistics.latency import (
    exceedance_split,
    quantile_interval,
    quantile_p,
    quantile_ranks,
)
from service.statistics.sample_ratio import log_e

THOUSAND = np.arange(1.0, 1001)


@pytest.mark.parametrize(
    ("share", "answers", "lower", "upper"),
    [
        (0.5, 1000, 453, 548),
        (0.5, 10_000, 4838, 5163),
        (0.95, 100, 86, None),
        (0.95, 1000, 928, 970),
        (0.95, 10_000, 9428, 9569),
        (0.99, 1000, 979, 998),
        (0.99, 10_000, 9866, 9931),
    ],
)
def test_ranks_are_those_of_the_reference(share: float, answers: int, lower: int, upper: int | None) -> None:
    assert quantile_ranks(answers, share) == (lower, upper)


@pytest.mark.parametrize(
    ("share", "offset", "p"), [(0.5, 70, 0.814704), (0.5, 85, 0.0838055), (0.5, 100, 0.0054947), (0.9, 55, 0.0340463)]
)
def test_p_of_two_quantiles_is_that_of_confseq(share: float, offset: int, p: float) -> None:
    assert quantile_p(THOUSAND, THOUSAND + offset, share, sharpest=100) == pytest.approx(p, rel=2e-6)
    assert quantile_p(THOUSAND + offset, THOUSAND, share, sharpest=100) == pytest.approx(p, rel=2e-6)


def test_p_allows_for_everything_that_a_value_may_stand_for() -> None:
    first, second, share = THOUSAND[:600], THOUSAND[:600] + 20, 0.99
    concentration = 1 / rho_squared(300) - 1
    values, evidence = np.concatenate((first, second)), np.zeros(1200)
    for arm in (first, second):
        below, up_to = np.searchsorted(arm, values, "left"), np.searchsorted(arm, values, "right")
        counts = np.linspace(below, up_to, 401)
        evidence += log_e(np.stack((counts, len(arm) - counts), -1), (share, 1 - share), concentration).min(axis=0)
    assert quantile_p(first, second, share, sharpest=300) == pytest.approx(np.exp(-evidence.min()), rel=1e-4)


def test_ranks_of_the_broadest_mixture_are_those_of_confseq() -> None:
    # bernoulli_confidence_interval(100, 200, .05, 1) begins at 0.328923.
    assert quantile_ranks(200, 0.32892, sharpest=1)[1] == 100
    assert quantile_ranks(200, 0.32893, sharpest=1)[1] == 101


def test_p_of_one_and_the_same_is_one() -> None:
    assert quantile_p(THOUSAND, THOUSAND, 0.95) == 1
    assert quantile_p(np.full(5000, 3.0), np.full(100, 3.0), 0.95) == 1


def test_the_ends_of_the_interval_are_answers() -> None:
    shuffled = np.random.default_rng(1).permutation(THOUSAND)
    assert quantile_interval(shuffled, 0.95) == (951, 928, 970)
    assert quantile_interval(shuffled[:5], 0.95)[1:] == (None, None)


@given(st.integers(1, 2000), st.sampled_from([0.5, 0.95, 0.99]), st.floats(0.001, 0.3))
def test_ranks_hold_the_estimate(answers: int, share: float, alpha: float) -> None:
    lower, upper = quantile_ranks(answers, share, alpha)
    assert (lower or 0) <= share * answers + 1
    assert (upper or answers + 1) >= share * answers


def test_the_quantile_is_covered_at_all_times_at_once() -> None:
    below = (np.random.default_rng(7).random((200, 2000)) < 0.95).cumsum(axis=1)
    missed = np.zeros(200, bool)
    for answers in range(20, 2001, 20):
        lower, upper = quantile_ranks(answers, 0.95)
        count = below[:, answers - 1]
        missed |= (count < (lower or 0)) | (count >= (upper or answers + 1))
    assert missed.mean() <= 0.05


def test_one_arm_that_is_slower_by_more_than_the_margin_is_found_out() -> None:
    margin = 0.01
    slower, equal = exceedance_split((400, 100), (5000, 5000)), exceedance_split((100, 100), (5000, 5000))
    assert slower.difference == pytest.approx(0.06)
    assert slower.lower > margin
    assert equal.lower < 0 < equal.upper


def test_arms_mirror_each_other() -> None:
    one, other = exceedance_split((40, 10), (500, 300)), exceedance_split((10, 40), (300, 500))
    assert one == pytest.approx((-other.difference, -other.upper, -other.lower))


def test_one_bound_alone_is_closer_than_an_interval_of_the_same_risk() -> None:
    assert exceedance_split((60, 40), (1000, 1000)).lower > split_interval(60, 1000, 40, 1000).lower


@pytest.mark.parametrize(
    "early",
    [
        exceedance_split((99, 0), (99, 5000)),
        exceedance_split((4, 0), (5000, 5000)),
    ],
)
def test_before_enough_answers_nothing_is_said(early: tuple[float, float, float]) -> None:
    assert early[1:] == (-1, 1)


def test_with_just_enough_answers_something_is_said() -> None:
    assert exceedance_split((5, 0), (100, 100)).upper < 1


def test_without_answers_nothing_is_known() -> None:
    unknown = exceedance_split((0, 0), (0, 100))
    assert np.isnan(unknown.difference)
    assert unknown[1:] == (-1, 1)


def test_equally_slow_arms_are_told_apart_in_no_more_than_alpha_of_all_runs() -> None:
    slow = (np.random.default_rng(8).random((200, 2, 3000)) < 0.01).cumsum(axis=2)
    alarms = 0
    for run in slow:
        looks = range(100, 3001, 50)
        alarms += any(exceedance_split((int(run[0, n - 1]), int(run[1, n - 1])), (n, n)).lower > 0 for n in looks)
    assert alarms <= 0.05 * 200


def test_arguments_out_of_range_are_refused() -> None:
    for refused in (
        lambda: exceedance_split((6, 0), (5, 5)),
        lambda: exceedance_split((-1, 3), (5, 5)),
        lambda: quantile_ranks(-1, 0.5),
        lambda: quantile_ranks(10, 1.0),
        lambda: quantile_ranks(10, 0.5, 0.0),
        lambda: quantile_ranks(10, 0.5, 0.05, 0),
        lambda: quantile_interval(np.array([]), 0.5),
        lambda: quantile_p(np.array([1.0, np.nan]), THOUSAND, 0.5),
    ):
        with pytest.raises(ValueError, match="expected"):
            refused()
