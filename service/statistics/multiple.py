"""Several arms: what each comparison must show so that all of them together keep to alpha.

By Ville's inequality and Bonferroni's, whatever the comparisons have to do with one another, and also for decisions
that stay once they were reached. Source: reference section 2.8.
"""

from math import log

from service.statistics.arguments import require_share


def log_threshold(alpha: float, count: int) -> float:
    """Return the logarithm of the evidence that decides one of `count` comparisons: log(count / alpha).

    Raises:
        ValueError: if alpha is not in (0, 1), or the count below 1.
    """
    return -log(alpha_each(alpha, count))


def alpha_each(alpha: float, count: int) -> float:
    """Return the risk that is left to each of `count` intervals: alpha / count.

    Raises:
        ValueError: if alpha is not in (0, 1), or the count below 1.
    """
    require_share(alpha=alpha)
    if count < 1:
        raise ValueError(f"count: expected at least 1, got {count}")
    return alpha / count
