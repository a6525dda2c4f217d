"""What passes a behaviour test, how a share is counted, and that labels may stand in any order."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from training.behaviour import LABELS, Behaviour, run_suite
from training.cases import Case, Suite
from training.scoring import TextScorer


def _case(text: str, label: str, *, kind: str = "expectation", base: str = "", pair: str = "") -> Case:
    return Case(text, "negation", kind, label, text, base, pair, "")


def _scorer(positive: dict[str, float]) -> TextScorer:
    def score(texts: Sequence[str]) -> NDArray[np.float32]:
        found = np.array([positive[text] for text in texts], dtype=np.float32)
        return np.stack([1 - found, found], axis=1)

    return score


def _run(cases: Sequence[Case], positive: dict[str, float]) -> Behaviour:
    return run_suite(Suite(tuple(cases), "0123"), _scorer(positive), LABELS)


@pytest.mark.parametrize(
    ("label", "positive", "passed"),
    [
        ("positive", 0.51, True),
        ("positive", 0.49, False),
        ("negative", 0.49, True),
        ("negative", 0.51, False),
        ("neutral", 0.11, True),
        ("neutral", 0.89, True),
        ("neutral", 0.91, False),
        ("neutral", 0.09, False),
    ],
)
def test_an_expectation_asks_for_the_label_and_a_neutral_one_for_doubt(
    label: str, positive: float, passed: bool
) -> None:
    assert _run([_case("글", label)], {"글": positive}).shares[0].passed == passed


@pytest.mark.parametrize(("text", "base", "passed"), [(0.6, 0.99, True), (0.4, 0.6, False), (0.1, 0.3, True)])
def test_an_invariance_asks_for_the_answer_of_the_base_text(text: float, base: float, passed: bool) -> None:
    case = _case("글", "positive", kind="invariance", base="본디 글")
    assert _run([case], {"글": text, "본디 글": base}).shares[0].passed == passed


@pytest.mark.parametrize(
    ("label", "text", "base", "passed"),
    [
        ("positive", 0.3, 0.2, True),
        ("positive", 0.22, 0.2, False),
        ("positive", 0.1, 0.2, False),
        ("negative", 0.6, 0.9, True),
        ("negative", 0.88, 0.9, False),
    ],
)
def test_a_direction_asks_the_probability_to_move(label: str, text: float, base: float, passed: bool) -> None:
    case = _case("글", label, kind="direction", base="본디 글")
    assert _run([case], {"글": text, "본디 글": base}).shares[0].passed == passed


def test_a_pair_counts_once_and_only_when_both_are_right() -> None:
    cases = [_case("가", "positive", pair="p"), _case("나", "negative", pair="p"), _case("다", "positive")]

    found = _run(cases, {"가": 0.9, "나": 0.8, "다": 0.9})

    share = found.shares[0]
    assert (share.tests, share.passed) == (2, 1)
    assert share.right == pytest.approx(2 / 3)
    assert [each.case.text for each in found.failures] == ["나"]


def test_the_interval_is_that_of_wilson() -> None:
    cases = [_case(str(number), "positive") for number in range(10)]
    share = _run(cases, {str(number): 0.9 if number < 7 else 0.1 for number in range(10)}).shares[0]
    assert (share.low, share.high) == pytest.approx((0.397, 0.892), abs=5e-4)


def test_metrics_name_every_category_that_occurs() -> None:
    assert _run([_case("글", "positive")], {"글": 0.9}).metrics == {"behaviour_all": 1.0, "behaviour_negation": 1.0}


def test_the_classes_may_stand_in_any_order() -> None:
    suite = Suite((_case("글", "positive"),), "0123")

    def score(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[0.9, 0.1]], dtype=np.float32)

    assert run_suite(suite, score, ("positive", "negative")).shares[0].passed == 1
    assert run_suite(suite, score, ("negative", "positive")).shares[0].passed == 0
