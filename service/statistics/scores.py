"""How good the probabilities are, not only the labels: Brier scores and their difference.

Sources: Brier, Monthly Weather Review 1950; Choe and Ramdas, "Comparing sequential forecasters", Operations Research
2023; reference sections 2.3 and 2.10.
"""

from collections.abc import Sequence

import numpy as np

from service.statistics.asymptotic import PAIRED_SHARPEST, Difference, mean_interval


def brier(probabilities: Sequence[float], truth: float) -> float:
    """Return half the squared distance between the probabilities of an answer and the truth: of two classes, (p - y)^2.

    Args:
        probabilities: one for each class, with sum 1.
        truth: that of the true class among them.

    Returns:
        From 0 (certain and right) to 1 (certain and wrong).
    """
    return (sum([p * p for p in probabilities]) - 2 * truth + 1) / 2


def brier_difference(
    total: float, squares: float, texts: int, alpha: float = 0.05, sharpest: float = PAIRED_SHARPEST
) -> Difference:
    """Return by how much the first arm's Brier score is better, from sums over texts that both answered.

    Args:
        total: sum of d, the second arm's score minus the first's; above zero the first is better.
        squares: sum of d^2.
        texts: how many there were, at least 0.
        alpha: the risk in (0, 1) that the interval ever misses.
        sharpest: texts after which it is sharpest.

    Returns:
        An asymptotic confidence sequence; the whole range, [-1, 1], as long as there are fewer than 30 texts, or
        all differences are the same.

    Raises:
        ValueError: if the sums are no sums of numbers in [-1, 1].
    """
    if not 0 <= squares <= texts or total**2 > squares * texts * (1 + 1e-9):
        raise ValueError(f"no sums of {texts} numbers in [-1, 1]: total {total}, squares {squares}")
    mean = total / texts if texts else np.nan
    variance = max(squares / texts - mean**2, 0.0) if texts else 0.0
    return mean_interval(mean, variance, texts, alpha, sharpest)
