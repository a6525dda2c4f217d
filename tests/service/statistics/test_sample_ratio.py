from collections.abc import Sequence
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from service.statistics.asymptotic import rho_squared
from service.statistics.sample_ratio import LOG_ALARM, chi_squared, log_e

VECTORS = [
    ((5200, 4800), 16, 6.33425e-5, 5.613613),
    ((5100, 4900), 4, 0.0455003, -0.329512),
    ((821588, 815482), 22.774369, 1.82179e-6, 6.532368),
    ((3300, 3400, 3300), 2, 0.367879, -3.634695),
]


@pytest.mark.parametrize(("counts", "chi2", "p", "evidence"), VECTORS)
def test_evidence_and_chi_squared_are_those_of_the_reference(
    counts: Sequence[int], chi2: float, p: float, evidence: float
) -> None:
    shares = [1 / len(counts)] * len(counts)
    statistic, value = chi_squared(counts, shares)
    assert statistic == pytest.approx(chi2, abs=5e-7)
    assert value == pytest.approx(p, rel=3e-6)
    assert log_e(counts, shares) == pytest.approx(evidence, abs=5e-7)


def test_stops_where_savvi_stops() -> None:
    draws = np.random.RandomState(1).multinomial(1, [0.1, 0.3, 0.6], size=1000)
    evidence = log_e(draws.cumsum(axis=0), [0.1, 0.4, 0.5])
    stop = int((evidence >= np.log(20)).argmax())
    assert stop + 1 == 402
    assert np.exp(-evidence[stop]) == pytest.approx(0.04845591105969517, rel=1e-10)


def test_bayes_factors_of_ssrm_test_follow_from_the_same_mixture() -> None:
    # Its prior is Dirichlet(1, 1, 1), so 3 times even shares, whatever the null hypothesis is.
    counts = np.eye(3)[[0, 1, 0, 1, 2]].cumsum(axis=0)
    against_even = log_e(counts, [1 / 3] * 3, 3)
    factors = against_even + counts @ np.log(1 / 3 / np.array([0.4, 0.4, 0.2]))
    expected = [-0.182321557, -0.652325186, -0.652325186, -0.834646743, -1.171118979]
    assert factors == pytest.approx(expected, abs=5e-10)


@pytest.mark.parametrize(
    ("successes", "trials", "sharpest", "lower", "upper"),
    [
        (700, 1000, 100, 0.651629, 0.745949),
        (15, 50, 50, 0.129556, 0.511896),
        (5, 50, 50, 0.013021, 0.269264),
        (1, 50, 50, 0, 0.13489),
        (100, 200, 1, 0.328923, 0.671076),
        (1, 2, 50, 0, 1),
        (0, 1, 50, 0, 1),
    ],
)
def test_inverted_for_a_share_it_is_the_interval_of_confseq(
    successes: int, trials: int, sharpest: float, lower: float, upper: float
) -> None:
    concentration = max(1 / rho_squared(sharpest) - 1, 1e-3)

    def above(share: float) -> float:
        return float(log_e((successes, trials - successes), (share, 1 - share), concentration)) - log(20)

    def end(outside: float) -> float:
        if above(outside) <= 0:
            return float(round(outside))
        return float(brentq(above, outside, successes / trials))

    assert (end(1e-12), end(1 - 1e-12)) == pytest.approx((lower, upper), abs=2e-6)


def test_of_two_arms_it_is_the_beta_binomial_mixture_of_confseq() -> None:
    # s = 10 and v = 100 at g = 0.2, h = 0.8 are 135 of 625.
    concentration = 1 / rho_squared(100 / 0.16) - 1
    assert log_e((135, 490), (0.2, 0.8), concentration) == pytest.approx(-0.6941012, abs=5e-7)
    bound = 31.4308
    evidence = log_e((125 + bound, 500 - bound), (0.2, 0.8), concentration)
    assert evidence == pytest.approx(np.log(20), abs=2e-4)


shares_of_three = st.sampled_from([(1 / 3, 1 / 3, 1 / 3), (0.1, 0.4, 0.5), (0.98, 0.01, 0.01)])


@given(st.tuples(*[st.integers(0, 10_000)] * 3), shares_of_three, st.sampled_from([1.0, 100.0, 10_000.0]))
def test_a_clean_stream_gains_nothing_on_average(
    counts: tuple[int, ...], shares: tuple[float, ...], concentration: float
) -> None:
    after = log_e(np.array(counts) + np.eye(3), shares, concentration)
    expected = np.logaddexp.reduce(after + np.log(shares))
    assert expected == pytest.approx(float(log_e(counts, shares, concentration)), abs=1e-7)


@given(st.permutations([0, 1, 2]))
def test_the_order_of_the_arms_does_not_matter(order: list[int]) -> None:
    counts, shares = np.array([30, 50, 5]), np.array([0.2, 0.5, 0.3])
    assert log_e(counts[order], shares[order].tolist()) == pytest.approx(float(log_e(counts, shares.tolist())))


def test_a_mismatch_is_found_and_a_clean_split_is_not() -> None:
    draws = np.random.default_rng(5).random((400, 16_000), dtype=np.float32)
    looks = np.arange(0, 16_000, 40)

    def flagged(share: float) -> float:
        first = (draws < share).cumsum(axis=1)[:, looks]
        evidence = log_e(np.stack((first, looks + 1 - first), axis=-1), (0.5, 0.5))
        return float((evidence >= LOG_ALARM).any(axis=1).mean())

    assert flagged(0.52) >= 0.9
    assert flagged(0.50) <= 0.01 + 3 * np.sqrt(0.01 * 0.99 / 400)


def test_one_count_where_none_can_be_is_infinite_evidence() -> None:
    assert log_e((3, 1), (1, 0)) == np.inf
    assert log_e((3, 0), (1, 0)) == 0


@pytest.mark.parametrize(
    ("counts", "shares"), [((-1, 2), (0.5, 0.5)), ((1, 2), (0.5, 0.4)), ((1, 2, 3), (0.5, 0.5)), ((1, 2), (-0.5, 1.5))]
)
def test_impossible_counts_and_shares_are_refused(counts: Sequence[int], shares: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        log_e(counts, shares)
    with pytest.raises(ValueError, match="expected"):
        chi_squared(counts, shares)


def test_chi_squared_of_nothing_or_of_an_arm_without_share_is_refused() -> None:
    for counts, shares in (((0, 0), (0.5, 0.5)), ((1, 0), (1.0, 0.0))):
        with pytest.raises(ValueError, match="at least one count"):
            chi_squared(counts, shares)


def test_a_concentration_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="concentration"):
        log_e((1, 2), (0.5, 0.5), 0)
