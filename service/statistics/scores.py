"""How good the probabilities are, not only the labels: Brier scores, and accuracy foretold by the models themselves.

Sources: Brier, Monthly Weather Review 1950; Choe and Ramdas, "Comparing sequential forecasters", Operations Research
2023; NannyML's confidence-based performance estimation; reference sections 1.3, 2.3 and 2.10.
"""

import numpy as np

from service.statistics.arguments import Array
from service.statistics.asymptotic import PAIRED_SHARPEST, Difference, mean_interval


def brier(probabilities: Array, truth: Array) -> Array:
    """Return half the squared distance between probabilities and truth: of two classes, (p - y)^2.

    Args:
        probabilities: shape (texts, classes), each row with sum 1.
        truth: shape (texts,), the place of the true class.

    Returns:
        Shape (texts,), from 0 (certain and right) to 1 (certain and wrong).

    Raises:
        ValueError: if rows are no probabilities, or a class does not exist.
    """
    given, true = _checked(probabilities), np.asarray(truth)
    if true.shape != given.shape[:1] or not np.isin(true, np.arange(given.shape[1])).all():
        raise ValueError(f"truth: expected one class below {given.shape[1]} for each of {len(given)} texts")
    return np.asarray(((given - np.eye(given.shape[1])[true.astype(np.intp)]) ** 2).sum(axis=1) / 2)


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


def accuracy_without_labels(probabilities: Array) -> float:
    """Return the accuracy that the model expects of itself: the mean probability of the label it gives.

    It holds as far as the model is calibrated on the texts it meets; show it beside the real one as labels come.

    Args:
        probabilities: shape (texts, classes), each row with sum 1, at least one row.

    Raises:
        ValueError: if rows are no probabilities, or there is none.
    """
    given = _checked(probabilities)
    if not len(given):
        raise ValueError("probabilities: expected at least one text")
    return float(given.max(axis=1).mean())


def _checked(probabilities: Array) -> Array:
    given = np.asarray(probabilities, np.float64)
    if given.ndim != 2 or not (given >= 0).all() or not np.allclose(given.sum(axis=1), 1, atol=1e-4):
        raise ValueError(f"probabilities: expected rows with sum 1, got shape {given.shape}")
    return given
