import numpy as np
import pytest

from service.cost import Cost


def observed(cost: Cost, rounds: int, round_s: float, token_s: float, tokens: tuple[int, ...]) -> Cost:
    for number in range(rounds):
        size = tokens[number % len(tokens)]
        cost.observe(size, round_s + size * token_s)
    return cost


def test_before_anything_was_observed_it_says_what_is_expected() -> None:
    assert Cost(0.001, 1e-6).seconds(1000) == pytest.approx(0.002)


def test_what_was_observed_at_a_few_sizes_holds_between_them() -> None:
    cost = observed(Cost(), 60, 0.003, 5e-6, (16, 1000, 8000))
    assert cost.seconds(4000) == pytest.approx(0.003 + 4000 * 5e-6, rel=0.02)


def test_rounds_that_all_have_the_same_size_leave_the_expectation_for_others() -> None:
    cost = observed(Cost(5e-4, 1e-6), 60, 0.004, 0.0, (16,))
    assert cost.seconds(16) == pytest.approx(0.004, rel=0.05)
    assert 0.004 < cost.seconds(8192) < 0.02


def test_more_rounds_cost_more_than_one_of_as_many_tokens() -> None:
    cost = Cost(0.001, 1e-6)
    assert cost.seconds(1000, rounds=3) == pytest.approx(0.004)


def test_an_engine_that_became_slow_is_believed_to_be_so_after_a_few_rounds() -> None:
    cost = observed(Cost(), 100, 0.001, 1e-6, (100, 4000))
    observed(cost, 60, 0.01, 1e-5, (100, 4000))
    assert cost.seconds(4000) > 0.03


def test_no_cost_is_ever_negative() -> None:
    cost = Cost()
    for tokens, seconds in ((10, 0.01), (8000, 0.001)) * 30:
        cost.observe(tokens, seconds)
    assert cost.seconds(0) >= 0
    assert cost.seconds(100_000) >= 0


def fitted(points: list[tuple[float, float, float]], tokens: float) -> float:
    """Return what NumPy's weighted least squares says of points (tokens, seconds, weight)."""
    x, y, weight = np.array(points).T
    slope, constant = np.polyfit(x, y, 1, w=np.sqrt(weight))
    return float(constant + slope * tokens)


def test_it_is_the_weighted_fit_of_what_was_expected_and_what_was_observed() -> None:
    expected = [(0.0, 0.001, 0.1), (8192.0, 0.001 + 8192e-6, 0.1)]
    cost = Cost(0.001, 1e-6)
    cost.observe(2000, 0.011)
    assert cost.seconds(500) == pytest.approx(fitted([*expected, (2000, 0.011, 1)], 500))
    cost.observe(4000, 0.012)
    points = [*expected, (2000, 0.011, 0.98), (4000, 0.012, 1)]
    assert cost.seconds(500) == pytest.approx(fitted(points, 500))
    assert cost.seconds(6000) == pytest.approx(fitted(points, 6000))
