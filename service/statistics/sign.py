"""The sign e-process, McNemar's test for every moment: which of two arms is right where only one of them is.

Texts that both arms get right, or both get wrong, say nothing about the difference of their accuracies. If neither is
better, each of the others is a fair coin. The evidence is the likelihood of a mixture of unfair coins over that of the
fair one: exact, independent of the order, valid from the first label.

Source: Robbins, Ann. Math. Stat. 1970 (the mixture); Ville, 1939 (the guarantee); reference section 2.3.
"""

from math import log

import numpy as np
from scipy.special import betainc, betaln

from service.statistics.arguments import Array, Numbers, require_counts, require_positive

DEFAULT_PRIOR = 10.0
"""Best where the better arm wins 55 to 65 per cent; 1 for larger gaps, 50 for tiny ones."""

_LOG_2 = log(2)
_SMALLEST = 1e-290
"""Below this the incomplete beta function loses its digits, then becomes zero."""

_DEPTH = 16
"""Levels of the continued fraction; where it is needed, half of them are exact to the last digit."""


def log_e_two_sided(wins: Numbers, losses: Numbers, prior: float = DEFAULT_PRIOR) -> Array:
    """Return the logarithm of the evidence that the arms differ.

    log E = log B(a + wins, a + losses) - log B(a, a) + (wins + losses) log 2, the mixture being Beta(a, a).

    Args:
        wins: texts that only the first arm got right, at least 0.
        losses: texts that only the second got right, at least 0; of the same shape as `wins`.
        prior: a, above 0; choose it once for an experiment.

    Raises:
        ValueError: if a count is negative, or the prior not positive.
    """
    require_counts(wins=wins, losses=losses)
    require_positive(prior=prior)
    mixture = betaln(prior + wins, prior + losses) - betaln(prior, prior)
    return np.asarray(mixture + (wins + losses) * _LOG_2)


def log_e_greater(wins: Numbers, losses: Numbers, prior: float = DEFAULT_PRIOR) -> Array:
    """Return the logarithm of the evidence that the first arm is better.

    log E = log 2 + log E_two_sided + log(1 - I_{1/2}(a + wins, a + losses)): the same mixture, cut to (1/2, 1). It also
    holds against the null hypothesis that the first arm is worse.

    Args:
        wins: texts that only the first arm got right, at least 0.
        losses: texts that only the second got right, at least 0; of the same shape as `wins`.
        prior: a, above 0.

    Raises:
        ValueError: if a count is negative, or the prior not positive.
    """
    two_sided = log_e_two_sided(wins, losses, prior)
    above_half = np.asarray(betainc(prior + losses, prior + wins, 0.5))
    log_e = np.array(_LOG_2 + two_sided + np.log(np.maximum(above_half, _SMALLEST)))
    far = above_half < _SMALLEST
    if far.any():
        b, c = np.broadcast_arrays(wins, losses)
        log_e[far] = _log_e_far_behind(b[far], c[far], prior)
    return log_e


def _log_e_far_behind(wins: Array, losses: Array, prior: float) -> Array:
    """Return the same where the first arm is so far behind that the incomplete beta function is zero.

    With p = a + losses and q = a + wins, I_{1/2}(p, q) = F / (2^(p + q) p B(p, q)), F being a continued fraction (DLMF
    8.17.22), so all that grows cancels: log E = log(2 F / p) - log B(a, a) - 2 a log 2.
    """
    p, q = prior + losses, prior + wins
    tail = np.ones_like(p)
    for m in range(_DEPTH, 0, -1):
        even = m * (q - m) / 2 / ((p + 2 * m - 1) * (p + 2 * m))
        odd = -(p + m) * (p + q + m) / 2 / ((p + 2 * m) * (p + 2 * m + 1))
        tail = 1 + even / (1 + odd / tail)
    fraction = 1 / (1 - (p + q) / 2 / (p + 1) / tail)
    return np.asarray(np.log(2 * fraction / p) - betaln(prior, prior) - 2 * prior * _LOG_2)
