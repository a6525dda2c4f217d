import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, xlog1py, xlogy

from service.statistics.accuracy import interval


@pytest.mark.parametrize(
    ("right", "labels", "alpha", "lower", "upper"),
    [
        (700, 1000, 0.05, 0.646985, 0.749662),
        (850, 1000, 0.05, 0.806126, 0.887778),
        (8500, 10_000, 0.05, 0.835620, 0.863660),
        (85, 100, 0.05, 0.709933, 0.941377),
        (710, 812, 0.05 / 3, 0.824384, 0.915066),
    ],
)
def test_interval_is_that_of_the_reference(right: int, labels: int, alpha: float, lower: float, upper: float) -> None:
    share = interval(right, labels, alpha)
    assert (share.lower, share.upper) == pytest.approx((lower, upper), abs=5e-7)
    assert share.estimate == right / labels


numbers = st.integers(1, 100_000).flatmap(lambda labels: st.tuples(st.integers(0, labels), st.just(labels)))


@settings(max_examples=30)
@given(numbers, st.floats(1e-6, 0.5))
def test_evidence_against_the_ends_is_what_alpha_allows(number: tuple[int, int], alpha: float) -> None:
    right, labels = number
    share = interval(right, labels, alpha)
    for end in (share.lower, share.upper):
        if 0 < end < 1:
            mixture = betaln(1 + right, 1 + labels - right) - betaln(1, 1)
            evidence = mixture - xlogy(right, end) - xlog1py(labels - right, -end)
            assert evidence == pytest.approx(np.log(1 / alpha), rel=1e-4, abs=1e-4)


@settings(max_examples=30)
@given(numbers, st.floats(1e-6, 0.4))
def test_interval_holds_the_estimate_and_widens_as_alpha_shrinks(number: tuple[int, int], alpha: float) -> None:
    narrow, wide = interval(*number, 2 * alpha), interval(*number, alpha)
    assert 0 <= wide.lower <= narrow.lower <= narrow.estimate <= narrow.upper <= wide.upper <= 1
    assert wide.upper - wide.lower > narrow.upper - narrow.lower


@settings(max_examples=30)
@given(numbers)
def test_wrong_answers_mirror_right_ones(number: tuple[int, int]) -> None:
    right, labels = number
    of_right, of_wrong = interval(right, labels), interval(labels - right, labels)
    assert of_right.lower == pytest.approx(1 - float(of_wrong.upper), abs=1e-9)


def test_without_labels_everything_is_possible() -> None:
    share = interval(0, 0)
    assert np.isnan(share.estimate)
    assert [float(share.lower), float(share.upper)] == [0, 1]


def test_all_right_and_none_right_reach_the_ends() -> None:
    assert interval(100, 100).upper == 1
    assert interval(0, 100).lower == 0


def test_a_path_is_the_same_as_its_steps() -> None:
    labels = np.arange(1, 50)
    path = interval(labels // 2, labels)
    steps = [interval(int(n) // 2, int(n)) for n in labels]
    assert path.lower == pytest.approx([float(step.lower) for step in steps])
    assert path.upper == pytest.approx([float(step.upper) for step in steps])


def test_the_truth_is_covered_at_all_times_at_once() -> None:
    right = (np.random.default_rng(2).random((200, 200)) < 0.85).cumsum(axis=1)
    path = interval(right, np.arange(1, 201))
    missed = ((path.lower > 0.85) | (path.upper < 0.85)).any(axis=1).mean()
    assert missed <= 0.05


@pytest.mark.parametrize(("right", "labels", "alpha"), [(-1, 5, 0.05), (6, 5, 0.05), (1, 5, 0.0), (1, 5, 1.0)])
def test_arguments_out_of_range_are_refused(right: int, labels: int, alpha: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        interval(right, labels, alpha)
