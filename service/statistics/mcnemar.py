"""McNemar's test for one look planned beforehand: for reference only, since looking again and again invalidates it.

Source: McNemar, Psychometrika 1947; reference section 2.3.
"""

from scipy.stats import binomtest

from service.statistics.arguments import require_counts


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
