"""One arm's accuracy: the beta-binomial confidence sequence, the shares that the evidence does not speak against.

Source: Robbins, Ann. Math. Stat. 1970; Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat. 2021; reference section 2.6.
"""

from math import log
from typing import NamedTuple

import numpy as np
from scipy.special import betaln, xlog1py, xlogy

from service.statistics.arguments import Array, Numbers, require_counts, require_part, require_positive, require_share

_HALVINGS = 60
"""Of the distance between the estimate and the end of the range, until no float lies between."""


class Share(NamedTuple):
    """A share with the interval that covers it at all times, each a number or an array."""

    estimate: Array
    lower: Array
    upper: Array


def interval(right: Numbers, labels: Numbers, alpha: float = 0.05, prior: float = 1.0) -> Share:
    """Return the share of right answers with its confidence sequence.

    The interval is {p : log B(b + k, b + n - k) - log B(b, b) - k log p - (n - k) log(1 - p) < log(1 / alpha)}.

    Args:
        right: k, answers that were right.
        labels: n, labelled answers, at least `right`; without any, the estimate is NaN and the interval (0, 1).
        alpha: the risk in (0, 1) that the interval ever misses.
        prior: b of the Beta(b, b) mixture, above 0.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_counts(right=right, labels=labels)
    require_part(right, labels, "right")
    require_share(alpha=alpha)
    require_positive(prior=prior)
    k, n = np.broadcast_arrays(np.asarray(right, np.float64), np.asarray(labels, np.float64))
    estimate = np.divide(k, n, out=np.full(n.shape, np.nan), where=n > 0)
    middle = np.where(n > 0, estimate, 0.5)
    level = betaln(prior + k, prior + n - k) - betaln(prior, prior) + log(alpha)
    return Share(estimate, _end(k, n, level, (middle, 0.0)), _end(k, n, level, (middle, 1.0)))


def _end(k: Array, n: Array, level: Array, between: tuple[Array, float]) -> Array:
    """Return where the evidence, which grows with the distance from the estimate, reaches the level."""
    inside, outside = between[0], np.full(n.shape, between[1])
    for _ in range(_HALVINGS):
        half = (inside + outside) / 2
        covered = level < xlogy(k, half) + xlog1py(n - k, -half)
        inside, outside = np.where(covered, half, inside), np.where(covered, outside, half)
    return outside
