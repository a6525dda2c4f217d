import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics import asymptotic
from service.statistics.asymptotic import (
    Difference,
    always_valid_p,
    mean_interval,
    paired_interval,
    radius,
    radius_one_sided,
    rho_squared,
    split_interval,
)


def test_rho_is_that_of_the_reference() -> None:
    assert rho_squared(1000, exact=True) == pytest.approx(0.008211968, abs=5e-10)
    assert rho_squared(1000) == pytest.approx(0.007936155, abs=5e-10)
    assert 1 / rho_squared(100) == pytest.approx(12.60056, abs=5e-6)


def test_radius_of_unit_variance_is_that_of_the_reference() -> None:
    margins = radius(1, np.array([100, 1000, 10_000]), 0.05, 1000, exact=True)
    assert margins == pytest.approx([0.382322, 0.095979, 0.032463], abs=5e-7)


def test_bounds_are_those_of_confseq() -> None:
    assert 100 * radius(1, 100, 0.05, 100) == pytest.approx(30.35209, abs=5e-6)
    assert 100 * radius_one_sided(1, 100, 0.05, 100) == pytest.approx(27.66071, abs=5e-6)


@pytest.mark.parametrize(
    ("difference", "error", "sharpest", "interval"),
    [(0.50336, 0.33341, 1000, (-0.55844, 1.56516)), (0.50386, 0.03386, 5000, (0.40098, 0.60675))],
)
def test_intervals_are_those_of_growthbook(
    difference: float, error: float, sharpest: int, interval: tuple[float, float]
) -> None:
    half = float(radius(error**2 * 6461, 6461, 0.05, sharpest))
    assert (difference - half, difference + half) == pytest.approx(interval, abs=1e-5)


@pytest.mark.parametrize(
    ("right_a", "right_b", "labels", "interval", "p"),
    [
        (880, 850, 1000, (-0.017693, 0.077693), 0.470691),
        (4400, 4250, 5000, (0.009097, 0.050903), 0.000467748),
    ],
)
def test_split_interval_and_p_are_those_of_the_reference(
    right_a: int, right_b: int, labels: int, interval: tuple[float, float], p: float
) -> None:
    found = split_interval(right_a, labels, right_b, labels)
    assert (found.lower, found.upper) == pytest.approx(interval, abs=5e-7)
    share_a, share_b = right_a / labels, right_b / labels
    variance = 2 * (share_a * (1 - share_a) + share_b * (1 - share_b))
    value = always_valid_p(found.estimate, variance, 2 * labels, 0.05, 5000)
    assert value == pytest.approx(p, rel=2e-6)


@pytest.mark.parametrize(
    ("sharpest", "lower", "upper"),
    [(500, -0.002100, 0.042100), (1000, -0.001628, 0.041628), (2000, -0.001424, 0.041424)],
)
def test_radius_of_paired_differences_is_that_of_the_reference(sharpest: int, lower: float, upper: float) -> None:
    variance = float(np.var(np.repeat([1, -1, 0], [120, 80, 1800]), ddof=1))
    half = float(radius(variance, 2000, 0.05, sharpest, exact=True))
    assert (0.02 - half, 0.02 + half) == pytest.approx((lower, upper), abs=5e-7)


def test_paired_interval_is_that_of_the_example_report() -> None:
    found = paired_interval(60, 40, 812, 0.05 / 3)
    assert found == pytest.approx((0.024631, -0.018255, 0.067516), abs=5e-7)


samples = st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 5000))
alphas = st.floats(1e-4, 0.4)


@given(samples, alphas)
def test_interval_holds_the_estimate_and_widens_as_alpha_shrinks(sample: tuple[int, int, int], alpha: float) -> None:
    wins, losses, equal = sample
    texts = wins + losses + equal + 1
    narrow, wide = paired_interval(wins, losses, texts, 2 * alpha), paired_interval(wins, losses, texts, alpha)
    assert -1 <= wide.lower <= narrow.lower <= narrow.estimate <= narrow.upper <= wide.upper <= 1


@given(st.floats(-0.3, 0.3), st.floats(1e-3, 1), st.integers(1, 10**6), alphas)
def test_p_is_below_alpha_exactly_where_the_interval_leaves_zero_out(
    estimate: float, variance: float, observations: int, alpha: float
) -> None:
    half = float(radius(variance, observations, alpha, 2000))
    p = float(always_valid_p(estimate, variance, observations, alpha, 2000))
    if abs(abs(estimate) / half - 1) > 1e-9:
        assert (p < alpha) == (abs(estimate) > half)


@given(st.integers(1, 10**6), alphas)
def test_a_bound_on_one_side_is_no_bolder_than_both_at_twice_the_risk(observations: int, alpha: float) -> None:
    assert radius_one_sided(1.0, observations, alpha, 2000) >= radius(1.0, observations, 2 * alpha, 2000)


@given(alphas)
def test_a_bound_on_one_side_is_sharper_than_both_at_the_same_risk(alpha: float) -> None:
    assert radius_one_sided(1.0, 2000, alpha, 2000) < radius(1.0, 2000, alpha, 2000)


def ends(found: Difference) -> list[float]:
    return [float(found.lower), float(found.upper)]


def test_an_early_interval_is_the_whole_range() -> None:
    # A handful of labels knows no variance: without this rule, four wins out of four would leave zero out.
    for early in (
        paired_interval(4, 0, 2000),
        split_interval(20, 29, 900, 1000),
        split_interval(26, 30, 900, 1000),
        split_interval(4, 30, 900, 1000),
        mean_interval(0.5, 0.01, 29),
        mean_interval(0.5, 0.0, 1000),
    ):
        assert ends(early) == [-1, 1]


def test_right_after_the_burn_in_it_no_longer_is() -> None:
    for found in (
        paired_interval(5, 0, 2000),
        split_interval(25, 30, 900, 1000),
        split_interval(5, 30, 900, 1000),
        mean_interval(0.5, 0.01, 30),
    ):
        assert ends(found) != [-1, 1]


def test_without_observations_nothing_is_estimated() -> None:
    assert np.isnan(paired_interval(0, 0, 0).estimate)
    assert np.isnan(split_interval(0, 0, 3, 5).estimate)


def test_a_variance_of_zero_is_no_evidence() -> None:
    assert always_valid_p(0.5, 0.0, 10, 0.05, 2000) == 1


def test_a_path_is_the_same_as_its_steps() -> None:
    texts = np.arange(100, 1100, 100)
    path = paired_interval(texts // 10, texts // 20, texts)
    steps = [paired_interval(int(n) // 10, int(n) // 20, int(n)) for n in texts]
    assert path.lower == pytest.approx([float(step.lower) for step in steps])


def test_equal_arms_are_told_apart_in_no_more_than_alpha_of_all_runs() -> None:
    rng = np.random.default_rng(3)
    right = (rng.random((2, 400, 2000)) < 0.85).cumsum(axis=2)
    labels = np.arange(1, 2001)
    path = split_interval(right[0], labels, right[1], labels)
    assert ((path.lower > 0) | (path.upper < 0)).any(axis=1).mean() <= 0.05


def test_without_the_burn_in_equal_arms_are_told_apart_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    # At 2 per cent of discordant texts; the reference measured 3.2 against 1.2 per cent.
    draws = np.random.default_rng(4).random((1000, 1000))
    wins, losses = (draws < 0.01).cumsum(axis=1), (draws > 0.99).cumsum(axis=1)

    def missed() -> float:
        path = paired_interval(wins, losses, np.arange(1, 1001))
        return float(((path.lower > 0) | (path.upper < 0)).any(axis=1).mean())

    with_burn_in = missed()
    monkeypatch.setattr(asymptotic, "LEAST_DISCORDANT", 1)
    assert missed() > with_burn_in
    assert with_burn_in <= 0.05


@pytest.mark.parametrize(("alpha", "sharpest"), [(0.0, 100), (1.0, 100), (0.05, 0), (0.05, -1)])
def test_impossible_parameters_are_refused(alpha: float, sharpest: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        rho_squared(sharpest, alpha)


def test_impossible_samples_are_refused() -> None:
    for refused in (
        lambda: radius(-1, 10, 0.05, 100),
        lambda: radius(1, 0, 0.05, 100),
        lambda: radius_one_sided(1, 10, 0.5, 100),
        lambda: paired_interval(6, 5, 10),
        lambda: paired_interval(-1, 5, 10),
        lambda: split_interval(11, 10, 5, 10),
        lambda: mean_interval(0, 1, -1),
    ):
        with pytest.raises(ValueError, match="expected"):
            refused()
