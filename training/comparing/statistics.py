"""What two models' answers to the same labelled texts say about which is better; planned once, looked at once.

Under continuous watching these figures do not hold; for that there are the experiments of the service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """Where a figure lies with probability `CONFIDENCE` over repetitions; both ends belong to it."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the same n texts.

    Attributes:
        first: place of the first model, from 0.
        second: place of the second.
        both: texts that both got right.
        only_first: texts that only the first got right.
        only_second: texts that only the second got right.
        neither: texts that both got wrong.
        difference: accuracy of the first less that of the second, -1 to 1.
        interval: of the difference.
        p: of McNemar's exact test, two-sided.
        p_holm: the same, corrected for the number of pairs.
        agreement: share of texts to which both give the same label, right or wrong.
        kappa: Cohen's, the agreement beyond that of chance, at most 1; None where chance explains all of it.
    """

    first: int
    second: int
    both: int
    only_first: int
    only_second: int
    neither: int
    difference: float
    interval: Interval
    p: float
    p_holm: float
    agreement: float
    kappa: float | None

    @property
    def better(self) -> int | None:
        """The place of the model that is better beyond chance, at 1 - `CONFIDENCE` over all pairs; None if neither."""
        if self.p_holm >= 1 - CONFIDENCE:
            return None
        return self.first if self.difference > 0 else self.second


def accuracy_interval(right: int, texts: int) -> Interval:
    """Return the interval of an accuracy (Wilson 1927, J. Am. Stat. Assoc. 22).

    Args:
        right: texts that were answered rightly.
        texts: all texts, at least 1.
    """
    found = binomtest(right, texts).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(found.low), float(found.high))


def compare_pairs(given: Sequence[NDArray[np.int64]], classes: NDArray[np.int64]) -> list[Pair]:
    """Compare every two models.

    Args:
        given: of each model, the class that it gives to each of n texts, (n,).
        classes: the true ones, (n,); n is at least 1.
    """
    places = [(first, second) for first in range(len(given)) for second in range(first + 1, len(given))]
    counts = [_counts(given[first] == classes, given[second] == classes) for first, second in places]
    p_values = [_exact_p(only_first, only_second) for _, only_first, only_second, _ in counts]
    pairs = []
    for (first, second), count, p, p_holm in zip(places, counts, p_values, holm(p_values), strict=True):
        _, only_first, only_second, _ = count
        difference = (only_first - only_second) / len(classes)
        interval = difference_interval(only_first, only_second, len(classes))
        agreement = float((given[first] == given[second]).mean())
        kappa = _kappa(given[first], given[second])
        pairs.append(Pair(first, second, *count, difference, interval, p, p_holm, agreement, kappa))
    return pairs


def difference_interval(only_first: int, only_second: int, texts: int) -> Interval:
    """Return the interval of the difference of two accuracies on the same texts.

    One text is added to either kind on which the two differ (Bonett and Price 2012, J. Educ. Behav. Stat. 37), which
    keeps the interval honest where they are few.
    """
    one, other = (only_first + 1) / (texts + 2), (only_second + 1) / (texts + 2)
    middle = one - other
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * float(np.sqrt((one + other - middle**2) / (texts + 2)))
    return Interval(max(-1.0, middle - half), min(1.0, middle + half))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, step by step from the smallest (Holm 1979, Scand. J. Stat. 6), in order."""
    corrected = np.empty(len(p_values))
    highest = 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return [float(each) for each in corrected]


def _counts(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Count where both are right, the first only, the second only, neither."""
    kinds = (first & second, first & ~second, ~first & second, ~first & ~second)
    both, only_first, only_second, neither = (int(kind.sum()) for kind in kinds)
    return both, only_first, only_second, neither


def _exact_p(only_first: int, only_second: int) -> float:
    """Test whether both are alike likely to be the only one that is right (McNemar 1947, Psychometrika 12)."""
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def _kappa(first: NDArray[np.int64], second: NDArray[np.int64]) -> float | None:
    """Return Cohen's kappa (1960, Educ. Psychol. Meas. 20)."""
    labels = int(max(first.max(), second.max())) + 1
    shares = [np.bincount(each, minlength=labels) / len(each) for each in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    agreement = float((first == second).mean())
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else None
