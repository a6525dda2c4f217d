"""How a model behaves on sentences made to test it: shares of tests passed, by category, and what failed.

A figure on held-out reviews tells how often a model is right; these tell on what it is not.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from training.cases import CATEGORIES, Case, Suite
from training.scoring import TextScorer

LABELS = ("negative", "positive")
"""The classes that a model must have, in any order, for these tests to mean something."""

NEUTRAL = (0.1, 0.9)
"""Between these the probability of positive must lie for a neutral sentence. A model of two classes has no third answer
to give, and the half that it leans to means nothing; but a calibrated one must not be sure where there is nothing to
be sure of."""

MOVED = 0.05
"""By so much the probability must move in a test of direction; less is no answer to what was added."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case with the probability of positive for its text and its base text, and whether it was passed."""

    case: Case
    positive: float
    base: float | None
    passed: bool


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a category was passed.

    Attributes:
        category: one of `CATEGORIES`, or "all".
        tests: a pair is one test, every other case is one.
        passed: of these; a pair only with both of its sentences.
        low: lower end of the 95% interval of the share passed (Wilson 1927).
        high: its upper end.
        right: share of the single sentences whose own answer is their label, whatever the test asks.
    """

    category: str
    tests: int
    passed: int
    low: float
    high: float
    right: float

    @property
    def share(self) -> float:
        """Of the tests that were passed."""
        return self.passed / self.tests


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What came of all tests.

    Attributes:
        suite: digest of the cases.
        sentences: number of cases.
        shares: "all", then the categories in order.
        failures: every case that was not passed by itself.
    """

    suite: str
    sentences: int
    shares: list[Share]
    failures: list[Outcome]

    @property
    def metrics(self) -> dict[str, float]:
        """Shares by name, as a manifest keeps them."""
        return {f"behaviour_{each.category}": round(each.share, 4) for each in self.shares}


def run_suite(suite: Suite, score: TextScorer, labels: Sequence[str]) -> Behaviour:
    """Run all cases.

    Args:
        suite: the cases.
        score: gives n texts their probabilities float (n, 2).
        labels: the classes in the order of its columns; those of `LABELS`.
    """
    texts = [text for case in suite.cases for text in (case.text, case.base_text) if text]
    positive = dict(zip(texts, score(texts)[:, list(labels).index("positive")].tolist(), strict=True))
    outcomes = [_outcome(case, positive[case.text], positive.get(case.base_text)) for case in suite.cases]
    present = [name for name in CATEGORIES if any(each.case.category == name for each in outcomes)]
    shares = [_share("all", outcomes)]
    shares += [_share(name, [each for each in outcomes if each.case.category == name]) for name in present]
    return Behaviour(suite.digest, len(outcomes), shares, [each for each in outcomes if not each.passed])


def _outcome(case: Case, positive: float, base: float | None) -> Outcome:
    if base is None:
        passed = _right(case, positive)
    elif case.type == "invariance":
        passed = (positive > 0.5) == (base > 0.5)
    else:
        passed = (positive - base if case.label == "positive" else base - positive) >= MOVED
    return Outcome(case, positive, base, passed)


def _right(case: Case, positive: float) -> bool:
    if case.label == "neutral":
        return NEUTRAL[0] <= positive <= NEUTRAL[1]
    return (positive > 0.5) == (case.label == "positive")


def _share(category: str, outcomes: Sequence[Outcome]) -> Share:
    tests: dict[str, list[bool]] = defaultdict(list)
    for each in outcomes:
        tests[each.case.pair_id or each.case.id].append(each.passed)
    passed = sum(map(all, tests.values()))
    interval = stats.binomtest(passed, len(tests)).proportion_ci(method="wilson")
    right = np.mean([_right(each.case, each.positive) for each in outcomes])
    return Share(category, len(tests), passed, float(interval.low), float(interval.high), float(right))
