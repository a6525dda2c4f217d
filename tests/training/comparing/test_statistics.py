import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from training.comparing.statistics import accuracy_interval, compare_pairs, difference_interval, holm


def _answers(both: int, only_first: int, only_second: int, neither: int) -> list[NDArray[np.int64]]:
    """Return what two models answer where 1 is always right."""
    first = [1] * both + [1] * only_first + [0] * only_second + [0] * neither
    second = [1] * both + [0] * only_first + [1] * only_second + [0] * neither
    return [np.array(first), np.array(second)]


def test_an_accuracy_has_the_interval_of_wilson() -> None:
    for right, texts in ((0, 20), (13, 20), (20, 20), (43_530, 50_000)):
        expected = proportion_confint(right, texts, 0.05, "wilson")
        assert tuple(accuracy_interval(right, texts)) == pytest.approx(expected, abs=1e-12)


def test_a_pair_is_judged_by_mcnemars_exact_test() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        table = random.integers(0, 60, (2, 2))
        given = _answers(*(int(cell) for cell in table.ravel()))
        (pair,) = compare_pairs(given, np.ones(len(given[0]), dtype=np.int64))
        assert pair.p == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)
        assert [pair.both, pair.only_first, pair.only_second, pair.neither] == table.ravel().tolist()


def test_120_against_80_has_the_p_value_worked_out_elsewhere() -> None:
    given = _answers(700, 120, 80, 100)

    (pair,) = compare_pairs(given, np.ones(1000, dtype=np.int64))

    assert pair.p == pytest.approx(0.00568516, abs=1e-8)
    assert [pair.difference, pair.agreement] == pytest.approx([0.04, 0.8])
    assert pair.better == 0


def test_kappa_is_cohens_also_of_three_labels() -> None:
    random = np.random.default_rng(1)
    classes = random.integers(0, 3, 300)
    given = [np.where(random.random(300) < 0.7, classes, random.integers(0, 3, 300)) for _ in range(2)]

    (pair,) = compare_pairs(given, classes)

    assert pair.kappa == pytest.approx(cohen_kappa_score(*given))


def test_the_same_answers_are_no_difference_and_kappa_may_not_exist() -> None:
    same = np.array([0, 1, 1, 0])
    (pair,) = compare_pairs([same, same], np.array([0, 1, 0, 0]))
    assert (pair.p, pair.difference, pair.agreement, pair.kappa, pair.better) == (1.0, 0.0, 1.0, 1.0, None)

    always = np.ones(4, dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (pair,) = compare_pairs([always, always], same)
    assert pair.kappa is None


def test_several_p_values_are_corrected_as_holm_did() -> None:
    random = np.random.default_rng(2)
    for count in (1, 2, 3, 10):
        values = random.random(count).tolist()
        assert holm(values) == pytest.approx(multipletests(values, method="holm")[1].tolist())


def test_a_p_value_below_five_percent_of_one_pair_among_three_is_not_yet_a_difference() -> None:
    first, second = _answers(80, 15, 5, 10)
    third = np.where(np.arange(110) % 2, first, second)
    classes = np.ones(110, dtype=np.int64)

    alone = compare_pairs([first, second], classes)
    among_three = compare_pairs([first, second, third], classes)

    assert alone[0].p == among_three[0].p < 0.05
    assert alone[0].better == 0
    assert among_three[0].better is None


def test_the_interval_of_a_difference_covers_the_true_one_in_95_of_100_samples() -> None:
    random = np.random.default_rng(3)
    shares = (0.80, 0.07, 0.04, 0.09)
    samples = random.multinomial(400, shares, 2_000)

    intervals = [difference_interval(int(one), int(other), 400) for _, one, other, _ in samples]

    covered = np.mean([low <= 0.03 <= high for low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.015)
