import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from service.statistics.sign import log_e_greater, log_e_two_sided

VECTORS = [
    (10, 2, 4.773893, 2.234380, 9.440559),
    (12, 3, 4.501099, 2.509197, 8.906456),
    (20, 5, 24.290515, 8.988066, 48.520452),
    (15, 19, 0.264473, 0.702281, 0.132120),
    (30, 10, 31.636906, 18.172910, 63.227924),
    (120, 80, 4.853287, 11.742590, 9.683958),
]

counts = st.integers(0, 3000)
priors = st.sampled_from([1.0, 10.0, 50.0])


@pytest.mark.parametrize(("wins", "losses", "two_1", "two_10", "one_1"), VECTORS)
def test_evidence_is_that_of_the_reference(wins: int, losses: int, two_1: float, two_10: float, one_1: float) -> None:
    evidence = [log_e_two_sided(wins, losses, 1), log_e_two_sided(wins, losses, 10), log_e_greater(wins, losses, 1)]
    assert np.exp(evidence) == pytest.approx([two_1, two_10, one_1], abs=5e-7)


def test_evidence_of_the_example_report() -> None:
    assert np.exp(log_e_two_sided(60, 40)) == pytest.approx(2.186590, abs=5e-7)
    assert np.exp(log_e_greater(60, 40)) == pytest.approx(4.228228, abs=5e-7)
    assert np.exp(-log_e_two_sided(60, 40)) == pytest.approx(0.457333, abs=5e-7)


@given(counts, counts, priors)
def test_a_fair_coin_gains_nothing_on_average(wins: int, losses: int, prior: float) -> None:
    for log_e in (log_e_two_sided, log_e_greater):
        after = np.logaddexp(log_e(wins + 1, losses, prior), log_e(wins, losses + 1, prior)) - np.log(2)
        assert after == pytest.approx(float(log_e(wins, losses, prior)), abs=1e-8)


@given(counts, counts, priors)
def test_evidence_for_one_arm_and_for_the_other_average_to_that_for_either(
    wins: int, losses: int, prior: float
) -> None:
    both = np.logaddexp(log_e_greater(wins, losses, prior), log_e_greater(losses, wins, prior)) - np.log(2)
    assert both == pytest.approx(float(log_e_two_sided(wins, losses, prior)), abs=1e-8)


def test_nothing_seen_is_no_evidence() -> None:
    assert log_e_two_sided(0, 0) == 0
    assert log_e_greater(0, 0) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("losses", [900, 1100, 2000])
def test_evidence_for_an_arm_far_behind_stays_exact(losses: int) -> None:
    # With a = 1 and no win it is the integral of 2 (2 (1 - x))^losses from 1/2 to 1.
    assert log_e_greater(0, losses, 1) == pytest.approx(-np.log(losses + 1), rel=1e-12)


@pytest.mark.parametrize(("wins", "losses"), [(300, 2600), (20_000, 28_500), (950_000, 1_010_000)])
def test_evidence_for_an_arm_far_behind_agrees_with_an_integral(wins: int, losses: int) -> None:
    def likelihood_ratio(above_half: float) -> float:
        ratio = wins * np.log1p(2 * above_half) + losses * np.log1p(-2 * above_half)
        return float(2 * beta.pdf(0.5 + above_half, 10, 10) * np.exp(ratio))

    integral, _ = quad(likelihood_ratio, 0, 20 / (losses - wins), epsabs=0, epsrel=1e-12)
    assert log_e_greater(wins, losses) == pytest.approx(np.log(integral), abs=1e-9)


def test_a_whole_path_is_the_same_as_its_steps() -> None:
    wins, losses = np.arange(0, 2000, 100), np.arange(2000, 0, -100)
    for log_e in (log_e_two_sided, log_e_greater):
        steps = [float(log_e(int(b), int(c))) for b, c in zip(wins, losses, strict=True)]
        assert log_e(wins, losses) == pytest.approx(steps, rel=1e-12)


def test_monitoring_a_fair_coin_finds_a_winner_in_no_more_than_alpha() -> None:
    wins = np.random.default_rng(1).integers(0, 2, (2000, 500)).cumsum(axis=1)
    evidence = log_e_two_sided(wins, np.arange(1, 501) - wins)
    assert 0.005 < (evidence.max(axis=1) >= np.log(20)).mean() <= 0.05


@pytest.mark.parametrize(("wins", "losses", "prior"), [(-1, 0, 1.0), (0, -1, 1.0), (0, 0, 0.0), (0, 0, -1.0)])
def test_impossible_counts_and_priors_are_refused(wins: int, losses: int, prior: float) -> None:
    for log_e in (log_e_two_sided, log_e_greater):
        with pytest.raises(ValueError, match="expected"):
            log_e(wins, losses, prior)


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="wins"):
        log_e_two_sided(np.array([1.0, np.nan]), np.array([1.0, 1.0]))
