"""Latency: how often answers of two arms take too long, and what the quantiles of an arm can be.

Sources: Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
identification", Bernoulli 2022 (quantiles); `asymptotic` (shares); reference section 2.9. Latencies that follow
each other are not independent (caches, batches), so this guards a comparison and does not decide it.
"""

from math import log
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma

from service.statistics import sample_ratio
from service.statistics.arguments import Array, require_counts, require_part, require_positive, require_share
from service.statistics.asymptotic import SPLIT_SHARPEST, radius_one_sided, rho_squared

LEAST_ANSWERS, LEAST_SLOW = 100, 5
"""Answers of each arm, and slow ones among all of them, before a difference is judged."""

QUANTILE_SHARPEST = 1000.0
"""Answers after which the interval of a quantile is sharpest."""


class Exceedance(NamedTuple):
    """How much larger the share of slow answers is in the first arm than in the second.

    Attributes:
        difference: NaN without answers.
        lower: one-sided bound; the first arm is worse by more than a margin once it is above it.
        upper: one-sided bound; the first arm is not inferior by a margin once it is below it.
    """

    difference: float
    lower: float
    upper: float


class Quantile(NamedTuple):
    """A quantile with the interval that covers it at all times; None where there are too few answers for an end."""

    estimate: float
    lower: float | None
    upper: float | None


def exceedance_split(slow: tuple[int, int], answers: tuple[int, int], alpha: float = 0.05) -> Exceedance:
    """Compare two arms that answered different texts.

    Args:
        slow: answers of each arm that took longer than allowed.
        answers: all answers of each arm.
        alpha: the risk, in (0, 1/2), that a bound ever fails; for each of the two.

    Returns:
        Bounds of -1 and 1 before `LEAST_ANSWERS` answers of each arm and `LEAST_SLOW` slow ones among all.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_part(np.asarray(slow), np.asarray(answers), "slow")
    if not min(answers):
        return Exceedance(np.nan, -1.0, 1.0)
    share_a, share_b = slow[0] / answers[0], slow[1] / answers[1]
    enough = min(answers) >= LEAST_ANSWERS and sum(slow) >= LEAST_SLOW
    squared_error = share_a * (1 - share_a) / answers[0] + share_b * (1 - share_b) / answers[1]
    total = sum(answers)
    half = float(radius_one_sided(total * squared_error, total, alpha, SPLIT_SHARPEST)) if enough else np.inf
    return _bounds(share_a - share_b, half)


def quantile_ranks(
    answers: int, share: float, alpha: float = 0.05, sharpest: float = QUANTILE_SHARPEST
) -> tuple[int | None, int | None]:
    """Return the ranks of the answers between which the quantile lies, from 1; None where it may lie beyond all.

    The number of answers up to the quantile is binomial; those numbers stay that a Beta mixture does not speak against.

    Args:
        answers: how many there are, at least 0.
        share: of answers below the quantile, in (0, 1): 0.95 for p95.
        alpha: the risk in (0, 1) that the interval ever misses.
        sharpest: answers after which it is sharpest.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_counts(answers=answers)
    require_share(share=share)
    below = np.arange(answers + 1)
    possible = np.flatnonzero(_log_mixture(below, answers, share, _concentration(sharpest, alpha)) < log(1 / alpha))
    lower, upper = int(possible[0]), int(possible[-1]) + 1
    return lower or None, upper if upper <= answers else None


def quantile_interval(
    seconds: Array, share: float, alpha: float = 0.05, sharpest: float = QUANTILE_SHARPEST
) -> Quantile:
    """Return a quantile of the answers with its confidence sequence.

    Args:
        seconds: how long each took, shape (answers,), in any order and unit, at least one.
        share: see `quantile_ranks`.
        alpha: see `quantile_ranks`.
        sharpest: see `quantile_ranks`.

    Raises:
        ValueError: if an argument is out of its range.
    """
    ordered = _ordered(seconds)
    lower, upper = quantile_ranks(len(ordered), share, alpha, sharpest)
    estimate = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
    ends = [None if rank is None else float(ordered[rank - 1]) for rank in (lower, upper)]
    return Quantile(float(estimate), ends[0], ends[1])


def quantile_p(
    first: Array, second: Array, share: float, alpha: float = 0.05, sharpest: float = QUANTILE_SHARPEST
) -> float:
    """Return the p-value, at any time, of two arms having the same quantile: exp(-min over x of G_1(x) + G_2(x)).

    G is the logarithm of the evidence that x is not the arm's quantile. Theorem 5 of the source.

    Args:
        first: how long each answer of the first arm took, at least one.
        second: the same of the second arm.
        share: see `quantile_ranks`.
        alpha: for which the mixture is made.
        sharpest: answers of one arm after which it is sharpest.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_share(share=share)
    concentration = _concentration(sharpest, alpha)
    arms = _ordered(first), _ordered(second)
    everywhere = np.concatenate(arms)
    evidence = sum(_evidence_at(everywhere, arm, share, concentration) for arm in arms)
    return float(np.exp(-np.maximum(np.min(evidence), 0.0)))


def _evidence_at(x: Array, ordered: Array, share: float, concentration: float) -> Array:
    """Return G: at a value that occurs, everything from the answers below it to those up to it may be meant."""
    answers = len(ordered)
    least = _least_evident(answers, share, concentration)
    below, up_to = np.searchsorted(ordered, x, "left"), np.searchsorted(ordered, x, "right")
    return _log_mixture(np.clip(least, below, up_to), answers, share, concentration)


def _least_evident(answers: int, share: float, concentration: float) -> float:
    """Return the number of answers, not whole, at which the evidence is least: where its derivative is zero."""

    def slope(below: float) -> float:
        up = digamma(concentration * share + below)
        return float(up - digamma(concentration * (1 - share) + answers - below) - log(share / (1 - share)))

    if slope(0) >= 0:
        return 0.0
    return float(answers) if slope(answers) <= 0 else float(brentq(slope, 0, answers))


def _log_mixture(below: Array, answers: int, share: float, concentration: float) -> Array:
    return sample_ratio.log_e(np.stack((below, answers - below), axis=-1), (share, 1 - share), concentration)


def _concentration(sharpest: float, alpha: float) -> float:
    """Return the Beta mixture's, so that its intervals are sharpest after so many answers."""
    require_positive(sharpest=sharpest)
    return max(1 / rho_squared(sharpest, alpha) - 1, 1e-3)


def _ordered(seconds: Array) -> Array:
    ordered = np.sort(np.asarray(seconds, np.float64))
    if ordered.ndim != 1 or not len(ordered) or np.isnan(ordered[-1]):
        raise ValueError("seconds: expected one dimension, at least one number, and nothing else")
    return ordered


def _bounds(difference: float, half: float) -> Exceedance:
    return Exceedance(difference, max(difference - half, -1.0), min(difference + half, 1.0))
