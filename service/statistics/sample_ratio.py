"""Whether counts fall on the arms in the declared shares (sample ratio mismatch), asked after every count.

Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022; reference section 2.7.
"""

from collections.abc import Sequence
from math import log

import numpy as np
from scipy.special import gammaln
from scipy.stats import chi2

from service.statistics.arguments import Array, require_counts, require_positive

Counts = Array | Sequence[float]
"""Shape (…, arms)."""

DEFAULT_CONCENTRATION = 100.0
"""Finds 52 instead of 50 per cent after 7,000 units at the median; larger values find smaller mismatches, later."""

LOG_ALARM = log(100)
"""Evidence that a clean stream ever reaches in at most one run of a hundred."""


def log_e(counts: Counts, shares: Sequence[float], concentration: float = DEFAULT_CONCENTRATION) -> Array:
    """Return the logarithm of the evidence that the counts do not follow the shares.

    log E = lB(K s + n) - lB(K s) - sum of n_i log s_i, with lB(v) = sum of lgamma(v_i) - lgamma(sum of v): a Dirichlet
    mixture with mean s against s. Independent of the order of the counts.

    Args:
        counts: n, of shape (…, arms), at least 0.
        shares: s, of shape (arms,), not negative, with sum 1. Where one is zero, a single count is infinite evidence.
        concentration: K, above 0.

    Returns:
        Shape (…).

    Raises:
        ValueError: if a count or share is negative, the shares do not add up to one, or the shapes do not fit.
    """
    require_positive(concentration=concentration)
    seen, expected = _checked(counts, shares)
    possible = expected > 0
    impossible = seen[..., ~possible].any(axis=-1)
    seen, expected = seen[..., possible], expected[possible]
    prior = concentration * expected
    mixture = gammaln(prior + seen).sum(-1) - gammaln(concentration + seen.sum(-1))
    start = gammaln(prior).sum() - gammaln(concentration)
    return np.where(impossible, np.inf, mixture - start - seen @ np.log(expected))


def chi_squared(counts: Counts, shares: Sequence[float]) -> tuple[Array, Array]:
    """Return Pearson's statistic, sum of (n - expected)^2 / expected, and its p-value, for a single planned look.

    Args:
        counts: shape (…, arms), at least 0, at least one of them above.
        shares: shape (arms,), above 0, with sum 1.

    Returns:
        Both of shape (…).

    Raises:
        ValueError: as `log_e`; also if a share is zero or all counts are.
    """
    seen, expected_shares = _checked(counts, shares)
    total = seen.sum(-1, keepdims=True)
    if not (expected_shares > 0).all() or not (total > 0).all():
        raise ValueError("expected shares above 0 and at least one count")
    expected = total * expected_shares
    statistic = ((seen - expected) ** 2 / expected).sum(-1)
    return statistic, np.asarray(chi2.sf(statistic, len(expected_shares) - 1))


def _checked(counts: Counts, shares: Sequence[float]) -> tuple[Array, Array]:
    seen, expected = np.asarray(counts, np.float64), np.asarray(shares, np.float64)
    require_counts(counts=seen, shares=expected)
    if expected.ndim != 1 or seen.shape[-1:] != expected.shape:
        raise ValueError(f"expected one count for each share, got shapes {seen.shape} and {expected.shape}")
    if abs(expected.sum() - 1) > 1e-9:
        raise ValueError(f"shares: expected a sum of 1, got {expected.sum()}")
    return seen, expected
