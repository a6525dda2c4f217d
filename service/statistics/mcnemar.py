"""McNemar's test for one look planned beforehand: for reference only, since looking again and again invalidates it.

Source: McNemar, Psychometrika 1947; Edwards, Psychometrika 1948 (the correction); reference section 2.3.
"""

from typing import NamedTuple

from scipy.stats import binomtest, chi2

from service.statistics.arguments import require_counts


class ChiSquared(NamedTuple):
    """A statistic with one degree of freedom, and its p-value."""

    statistic: float
    p: float


def fixed_exact_p(wins: int, losses: int) -> float:
    """Return the two-sided p-value of the binomial distribution; 1 without any.

    Args:
        wins: texts that only the first arm got right, at least 0.
        losses: texts that only the second got right, at least 0.

    Raises:
        ValueError: if a count is negative.
    """
    require_counts(wins=wins, losses=losses)
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def fixed_chi_squared(wins: float, losses: float, corrected: bool = False) -> ChiSquared:
    """Return (|b - c| - correction)^2 / (b + c) and its p-value; 0 and 1 without any.

    Args:
        wins: b, texts that only the first arm got right, at least 0.
        losses: c, texts that only the second got right, at least 0.
        corrected: whether to correct for continuity, by 1.

    Raises:
        ValueError: if a count is negative.
    """
    require_counts(wins=wins, losses=losses)
    if not wins + losses:
        return ChiSquared(0.0, 1.0)
    statistic = max(abs(wins - losses) - corrected, 0) ** 2 / (wins + losses)
    return ChiSquared(statistic, float(chi2.sf(statistic, 1)))
