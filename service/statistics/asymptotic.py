"""Asymptotic confidence sequences for means and their differences: the interval that is shown.

Like the usual interval of plus or minus 1.96 standard errors they rest on the central limit theorem, but hold at all
times at once. So they need a burn-in: before it, an interval is the whole range.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", Ann. Stat. 2024; reference sections 2.3 and 2.5 (a).
"""

from math import e, log, log1p
from typing import NamedTuple

import numpy as np
from scipy.special import lambertw, log_ndtr

from service.statistics.arguments import Array, Numbers, require_counts, require_part, require_positive, require_share

PAIRED_SHARPEST = 2000.0
"""Paired texts after which an interval is sharpest; between half and ten times as many it is about as sharp."""

SPLIT_SHARPEST = 5000.0
"""The same in split traffic, labels of both arms together."""

LEAST_DISCORDANT = 5
"""Texts that only one of two paired arms gets right: fewer, and the interval misses too often."""

LEAST_LABELS, LEAST_ERRORS = 30, 5
"""Of each arm in split traffic."""

_NEWTON_STEPS = 6


class Difference(NamedTuple):
    """A difference, first arm minus second, with the interval that covers it at all times."""

    estimate: Array
    lower: Array
    upper: Array


def rho_squared(sharpest: float, alpha: float = 0.05, exact: bool = False) -> float:
    """Return the parameter that makes a sequence sharpest after so many observations; keep it for an experiment.

    (-2 log alpha + log(1 - 2 log alpha)) / n; exactly, (-W_{-1}(-alpha^2 / e) - 1) / n.

    Args:
        sharpest: n, above 0.
        alpha: in (0, 1).
        exact: whether to use Lambert's W instead of its approximation.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_positive(sharpest=sharpest)
    require_share(alpha=alpha)
    if exact:
        return float(-lambertw(-(alpha**2) / e, -1).real - 1) / sharpest
    return (-2 * log(alpha) + log1p(-2 * log(alpha))) / sharpest


def radius(variance: Numbers, observations: Numbers, alpha: float, sharpest: float, exact: bool = False) -> Array:
    """Return half the width of the confidence sequence of a mean.

    sqrt(variance) * sqrt(2 (n r + 1) / (n^2 r) * log(sqrt(n r + 1) / alpha)), r being `rho_squared`.

    Args:
        variance: of one observation, at least 0; of split traffic, n times the squared standard error.
        observations: n, above 0, of both arms together.
        alpha: the risk in (0, 1) that the interval ever misses.
        sharpest: observations after which it is sharpest.
        exact: see `rho_squared`.

    Raises:
        ValueError: if an argument is out of its range.
    """
    _require_sample(variance, observations)
    growth = observations * rho_squared(sharpest, alpha, exact)
    squared = 2 * (growth + 1) / (observations * growth) * np.log(np.sqrt(growth + 1) / alpha)
    return np.asarray(np.sqrt(variance * squared))


def radius_one_sided(variance: Numbers, observations: Numbers, alpha: float, sharpest: float) -> Array:
    """Return how far below the mean its lower confidence sequence lies; above the mean, the upper one.

    The mixture is the upper half of the normal one: with v = n r + 1 and z the solution of
    z^2 / 2 + log Phi(z) = log(sqrt(v) / (2 alpha)), the distance is sqrt(variance) * z * sqrt(v / (n^2 r)). As the
    source advises, r is that of 2 alpha.

    Args:
        variance: see `radius`.
        observations: see `radius`.
        alpha: the risk in (0, 1/2) that the bound ever fails.
        sharpest: see `radius`.

    Raises:
        ValueError: if an argument is out of its range.
    """
    _require_sample(variance, observations)
    growth = observations * rho_squared(sharpest, 2 * alpha)
    level = np.log(np.sqrt(growth + 1) / (2 * alpha))
    z = np.sqrt(2 * level + 1)
    for _ in range(_NEWTON_STEPS):
        slope = z + np.exp(-z * z / 2 - log_ndtr(z)) / np.sqrt(2 * np.pi)
        z = z - (z * z / 2 + log_ndtr(z) - level) / slope
    return np.asarray(z * np.sqrt(variance * (growth + 1) / (observations * growth)))


def always_valid_p(estimate: Numbers, variance: Numbers, observations: Numbers, alpha: float, sharpest: float) -> Array:
    """Return the p-value of a mean of zero that may be looked at at any time.

    min(1, sqrt(n r + 1) * exp(-r S / (2 (n r + 1)))), S = n^2 estimate^2 / variance; below alpha exactly if the
    interval at alpha leaves zero out.

    Args:
        estimate: the mean.
        variance: of one observation, at least 0; at 0 nothing is known and p is 1.
        observations: n, above 0.
        alpha: for which the sequence is made.
        sharpest: see `radius`.

    Raises:
        ValueError: if an argument is out of its range.
    """
    _require_sample(variance, observations)
    rho = rho_squared(sharpest, alpha)
    growth = observations * rho
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(np.asarray(variance) > 0, np.square(observations * estimate) / np.asarray(variance), 0.0)
    return np.asarray(np.minimum(1.0, np.exp(np.log(growth + 1) / 2 - rho * squares / (2 * (growth + 1)))))


def mean_interval(
    mean: Numbers, variance: Numbers, observations: Numbers, alpha: float = 0.05, sharpest: float = PAIRED_SHARPEST
) -> Difference:
    """Return the mean of differences in [-1, 1] with its confidence sequence.

    Args:
        mean: of the differences; ignored without any.
        variance: of one difference, at least 0.
        observations: how many there are, at least 0.
        alpha: the risk that the interval ever misses.
        sharpest: observations after which it is sharpest.

    Returns:
        The whole range, [-1, 1], as long as there are fewer than `LEAST_LABELS` differences, or all are the same.

    Raises:
        ValueError: if an argument is out of its range.
    """
    n, spread = np.asarray(observations, np.float64), np.asarray(variance, np.float64)
    require_counts(observations=n)
    half = radius(spread, np.maximum(n, 1), alpha, sharpest)
    return _where_enough((n >= LEAST_LABELS) & (spread > 0), np.asarray(mean, np.float64), half)


def paired_interval(
    wins: Numbers, losses: Numbers, texts: Numbers, alpha: float = 0.05, sharpest: float = PAIRED_SHARPEST
) -> Difference:
    """Return the difference of accuracies of two arms that answered the same texts.

    Args:
        wins: texts that only the first arm got right.
        losses: texts that only the second got right.
        texts: all labelled texts, at least wins + losses.
        alpha: the risk that the interval ever misses.
        sharpest: texts after which it is sharpest.

    Returns:
        The whole range, [-1, 1], as long as there are fewer than `LEAST_DISCORDANT` wins and losses, since the variance
        is not known then; the estimate is NaN without any text.

    Raises:
        ValueError: if an argument is out of its range.
    """
    b, c, n = (np.asarray(each, np.float64) for each in (wins, losses, texts))
    require_counts(wins=b, losses=c)
    require_part(b + c, n, "wins + losses")
    estimate = _ratio(b - c, n)
    variance = (_ratio(b + c, n) - estimate**2) * _ratio(n, n - 1)
    half = radius(_known(variance), np.maximum(n, 1), alpha, sharpest)
    return _where_enough(b + c >= LEAST_DISCORDANT, estimate, half)


def split_interval(
    right_a: Numbers, labels_a: Numbers, right_b: Numbers, labels_b: Numbers, alpha: float = 0.05
) -> Difference:
    """Return the difference of accuracies (or other shares) of two arms that answered different texts.

    Args:
        right_a: right answers of the first arm.
        labels_a: its labelled answers, at least as many.
        right_b: right answers of the second arm.
        labels_b: its labelled answers, at least as many.
        alpha: the risk that the interval ever misses.

    Returns:
        The whole range, [-1, 1], as long as an arm has fewer than `LEAST_LABELS` labels, or fewer than `LEAST_ERRORS`
        of either right or wrong answers; the estimate is NaN without any label of an arm.

    Raises:
        ValueError: if an argument is out of its range.
    """
    first, second = _arm(right_a, labels_a, "right_a"), _arm(right_b, labels_b, "right_b")
    total = first.labels + second.labels
    variance = total * (first.squared_error + second.squared_error)
    half = radius(_known(variance), np.maximum(total, 1), alpha, SPLIT_SHARPEST)
    return _where_enough(first.enough & second.enough, first.share - second.share, half)


class _Arm(NamedTuple):
    share: Array
    labels: Array
    squared_error: Array
    enough: Array


def _arm(right: Numbers, labels: Numbers, name: str) -> _Arm:
    k, n = np.asarray(right, np.float64), np.asarray(labels, np.float64)
    require_part(k, n, name)
    share = _ratio(k, n)
    enough = (n >= LEAST_LABELS) & (np.minimum(k, n - k) >= LEAST_ERRORS)
    return _Arm(share, n, _ratio(share * (1 - share), n), enough)


def _ratio(part: Array, whole: Array) -> Array:
    shape = np.broadcast_shapes(part.shape, whole.shape)
    return np.asarray(np.divide(part, whole, out=np.full(shape, np.nan), where=whole > 0))


def _known(variance: Array) -> Array:
    return np.asarray(np.nan_to_num(np.maximum(variance, 0.0)))


def _where_enough(enough: Array, estimate: Array, half: Array) -> Difference:
    lower = np.where(enough, np.maximum(estimate - half, -1.0), -1.0)
    return Difference(estimate, lower, np.where(enough, np.minimum(estimate + half, 1.0), 1.0))


def _require_sample(variance: Numbers, observations: Numbers) -> None:
    require_counts(variance=variance)
    if not np.all(np.asarray(observations) > 0):
        raise ValueError("observations: expected more than 0")
