import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.asymptotic import mean_interval
from service.statistics.scores import brier, brier_difference

POSITIVE = (0.9, 0.8, 0.7, 0.6, 0.55, 0.3, 0.2, 0.1)
TRUTH = (1, 1, 0, 1, 0, 0, 1, 0)


def test_brier_score_is_that_of_the_reference() -> None:
    found = [brier((1 - p, p), p if y else 1 - p) for p, y in zip(POSITIVE, TRUTH, strict=True)]
    assert np.mean(found) == pytest.approx(0.2178125, abs=1e-12)


def test_brier_score_of_many_classes_runs_from_zero_to_one() -> None:
    assert (brier((1, 0, 0), 1), brier((1, 0, 0), 0)) == (0, 1)
    assert brier((0.5, 0.3, 0.2), 0.5) == pytest.approx((0.25 + 0.09 + 0.04) / 2)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=200))
def test_sums_say_the_same_as_the_differences_themselves(differences: list[float]) -> None:
    d = np.array(differences)
    found = brier_difference(float(d.sum()), float((d * d).sum()), len(d))
    expected = mean_interval(d.mean(), d.var(), len(d))
    if d.var() > 1e-9:
        assert np.array(found) == pytest.approx(np.array(expected), abs=1e-6)


def test_better_probabilities_are_found_out_even_where_all_labels_agree() -> None:
    rng = np.random.default_rng(10)
    differences = rng.normal(0.02, 0.05, 3000).clip(-1, 1)
    found = brier_difference(float(differences.sum()), float((differences**2).sum()), 3000)
    assert 0 < found.lower < found.estimate < found.upper


def test_before_enough_texts_nothing_is_said() -> None:
    assert np.isnan(brier_difference(0, 0, 0).estimate)
    assert np.array(brier_difference(2.0, 1.0, 29)).tolist() == [2 / 29, -1, 1]
    assert brier_difference(2.0, 1.0, 30).lower > -1
    assert np.array(brier_difference(10.0, 1.0, 100)).tolist() == [0.1, -1, 1]


def test_impossible_sums_are_refused() -> None:
    for sums in ((0.0, 3.0, 2), (2.0, 1.0, 3), (0.0, -1.0, 3)):
        with pytest.raises(ValueError, match="sums"):
            brier_difference(*sums)
