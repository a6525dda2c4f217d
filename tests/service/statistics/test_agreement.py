import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.statistics.agreement import agreement, difference_bound, kappa


def test_agreement_and_kappa_are_those_of_the_reference() -> None:
    assert agreement([[420, 60], [40, 480]]) == pytest.approx(0.90)
    assert kappa([[420, 60], [40, 480]]) == pytest.approx(0.799358, abs=5e-7)
    assert agreement([[650, 60], [40, 62]]) == pytest.approx(0.876847, abs=5e-7)
    assert kappa([[650, 60], [40, 62]]) == pytest.approx(0.482803, abs=5e-7)


@pytest.mark.parametrize(
    ("disagreements", "texts", "alpha", "bound"),
    [
        (25, 500, 0.05, 0.093854),
        (160, 2000, 0.05, 0.104999),
        (800, 10_000, 0.05, 0.091290),
        (100, 812, 0.05 / 3, 0.172834),
    ],
)
def test_bound_is_that_of_the_reference(disagreements: int, texts: int, alpha: float, bound: float) -> None:
    assert difference_bound(disagreements, texts, alpha) == pytest.approx(bound, abs=5e-7)


@settings(max_examples=30)
@given(arrays(np.int64, (2, 300), elements=st.integers(0, 2)), st.integers(0, 2**32 - 1))
def test_no_labels_set_the_accuracies_further_apart_than_the_bound(given_labels: np.ndarray, seed: int) -> None:
    truth = np.random.default_rng(seed).integers(0, 3, 300)
    first, second = (given_labels == truth).mean(axis=1)
    disagreements = int((given_labels[0] != given_labels[1]).sum())
    assert abs(first - second) <= difference_bound(disagreements, 300)


@given(st.permutations(range(3)))
def test_the_names_of_the_labels_do_not_matter(order: list[int]) -> None:
    table = np.array([[50, 3, 2], [4, 60, 1], [0, 7, 70]])
    renamed = table[np.ix_(order, order)]
    assert agreement(renamed) == pytest.approx(agreement(table))
    assert kappa(renamed) == pytest.approx(kappa(table))


def test_kappa_of_chance_is_zero_and_of_perfection_one() -> None:
    assert kappa(np.outer([20, 30, 50], [30, 30, 40])) == pytest.approx(0, abs=1e-12)
    assert kappa(np.diag([5, 6, 7])) == pytest.approx(1)


def test_kappa_of_one_label_is_unknown() -> None:
    assert np.isnan(kappa([[10, 0], [0, 0]]))
    assert agreement([[10, 0], [0, 0]]) == 1


def test_without_texts_the_bound_is_everything() -> None:
    assert difference_bound(0, 0) == 1


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[1, -1], [0, 2]], [[1, 2, 3], [4, 5, 6]], [1, 2]])
def test_what_is_no_table_is_refused(table: list[list[float]]) -> None:
    for method in (agreement, kappa):
        with pytest.raises(ValueError, match="expected"):
            method(table)


def test_more_disagreements_than_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="disagreements"):
        difference_bound(3, 2)
