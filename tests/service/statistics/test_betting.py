import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.betting import HedgedBetting, difference_path

PATTERN = np.array([float(7 * i % 10 < 7) for i in range(1, 201)])

PLACE = np.arange(2000) % 50 + 1
DIFFERENCES = np.isin(PLACE, [5, 18, 34]).astype(float) - np.isin(PLACE, [12, 43])


@pytest.mark.parametrize(
    ("values", "capitals"),
    [
        (10, (1.067871, 0.468221, 0.243291, 0.372520)),
        (50, (14.164768, 0.550240, 0.026129, 1.467683)),
        (200, (8310.353343, 6.865936, 0.006444, 29.191243)),
    ],
)
def test_capital_is_that_of_the_reference(values: int, capitals: tuple[float, ...]) -> None:
    betting = HedgedBetting(breaks=10)
    betting.add(PATTERN[:values])
    richer = np.maximum(betting.bets.larger, betting.bets.smaller)
    assert np.exp(richer[5:9]) / 2 == pytest.approx(capitals, abs=5e-7)


def test_bets_are_those_of_the_reference() -> None:
    betting = HedgedBetting(breaks=20)
    bets, capital = [], 0.0
    for value in PATTERN[:5]:
        betting.add(np.array([value]))
        gained, capital = betting.bets.larger[1] - capital, betting.bets.larger[1]
        bets.append(np.expm1(gained) / (value - 0.05))
    assert bets == pytest.approx([6.524985, 4.635696, 3.075907, 2.553341, 2.078488], abs=5e-7)


def test_interval_of_the_present_alone_is_that_of_the_reference() -> None:
    path = HedgedBetting(running=False).add(PATTERN)
    ends = [(path.lower[values - 1], path.upper[values - 1]) for values in (10, 50, 200)]
    assert np.array(ends) == pytest.approx(np.array([(0.257, 0.969), (0.489, 0.857), (0.584, 0.796)]))


def test_interval_of_differences_is_that_of_the_reference() -> None:
    path = difference_path(DIFFERENCES, breaks=4000, running=False)
    assert (path.lower[-1], path.upper[-1]) == pytest.approx((-0.0035, 0.0460), abs=1e-9)


def test_what_was_ruled_out_once_stays_so() -> None:
    running, present = HedgedBetting().add(PATTERN), HedgedBetting(running=False).add(PATTERN)
    assert (np.diff(running.lower) >= 0).all()
    assert (np.diff(running.upper) <= 0).all()
    assert (running.lower == np.maximum.accumulate(present.lower)).all()
    assert (np.diff(present.upper) > 0).any()


def test_values_may_come_in_any_portions() -> None:
    at_once, one_by_one = HedgedBetting(), HedgedBetting()
    path = at_once.add(np.tile(PATTERN, 3))
    steps = [one_by_one.add(np.array([value])) for value in np.tile(PATTERN, 3)]
    assert path.upper.tolist() == [step.upper[0] for step in steps]
    assert path.lower.tolist() == [step.lower[0] for step in steps]
    assert at_once.interval == one_by_one.interval == (path.lower[-1], path.upper[-1])


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(1, 19))
def test_neither_gambler_gains_on_average_if_the_candidate_is_the_mean(past: list[float], place: int) -> None:
    mean = place / 20
    expected = np.zeros(2)
    for value, probability in ((1.0, mean), (0.0, 1 - mean)):
        betting = HedgedBetting(breaks=20)
        betting.add(np.array(past))
        before = np.array([betting.bets.larger[place], betting.bets.smaller[place]])
        betting.add(np.array([value]))
        after = np.array([betting.bets.larger[place], betting.bets.smaller[place]])
        expected += probability * np.exp(after - before)
    assert expected == pytest.approx([1, 1], abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.001, 0.4))
def test_what_is_small_mirrors_what_is_large(values: list[float], alpha: float) -> None:
    betting, mirrored = HedgedBetting(alpha, 20), HedgedBetting(alpha, 20)
    betting.add(np.array(values))
    mirrored.add(1 - np.array(values))
    assert betting.bets.larger == pytest.approx(mirrored.bets.smaller[::-1], abs=1e-9)


def test_the_truth_is_covered_at_all_times_at_once() -> None:
    rng = np.random.default_rng(6)
    missed = 0
    for _ in range(200):
        path = HedgedBetting(0.1, 100).add(rng.choice([0.0, 0.5, 1.0], 300, p=[0.1, 0.5, 0.4]))
        missed += bool((path.lower > 0.65).any() or (path.upper < 0.65).any())
    assert missed <= 0.1 * 200


def test_a_contradiction_leaves_the_candidates_with_the_least_against_them() -> None:
    betting = HedgedBetting()
    betting.add(np.concatenate((np.zeros(300), np.ones(3000))))
    lower, upper = betting.interval
    assert 0 < upper - lower <= 0.002 + 1e-9


def test_without_values_everything_is_possible() -> None:
    betting = HedgedBetting()
    path = betting.add(np.array([]))
    assert path.lower.shape == path.upper.shape == (0,)
    assert betting.interval == (0, 1)


def test_values_and_parameters_out_of_range_are_refused() -> None:
    for values in ([-0.1], [1.1], [np.nan], [[0.5]]):
        with pytest.raises(ValueError, match="values"):
            HedgedBetting().add(np.array(values))
    for alpha, breaks in ((0.0, 100), (1.0, 100), (0.05, 1)):
        with pytest.raises(ValueError, match="expected"):
            HedgedBetting(alpha, breaks)
    with pytest.raises(ValueError, match="values"):
        difference_path(np.array([1.5]))
