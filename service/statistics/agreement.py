"""Two arms without labels: how often they agree, and how far apart their accuracies can be at most.

Sources: Cohen, Educ. Psychol. Meas. 1960 (kappa); reference section 2.10.
"""

from collections.abc import Sequence

import numpy as np

from service.statistics.arguments import Array, Numbers, require_counts, require_part

Table = Array | Sequence[Sequence[float]]
"""Counts of texts by the label of the first arm (row) and of the second (column)."""


def agreement(table: Table) -> float:
    """Return the share of texts to which both arms give the same label.

    Raises:
        ValueError: if the table is not square, has a negative count, or none above 0.
    """
    counts = _checked(table)
    return float(np.trace(counts) / counts.sum())


def kappa(table: Table) -> float:
    """Return Cohen's kappa: the agreement beyond that of chance, as a share of what is possible beyond it.

    Returns:
        At most 1; NaN if both arms give one and the same label to every text, so that chance explains all.

    Raises:
        ValueError: as `agreement`.
    """
    counts = _checked(table)
    shares = counts / counts.sum()
    by_chance = float(shares.sum(0) @ shares.sum(1))
    return float((np.trace(shares) - by_chance) / (1 - by_chance)) if by_chance < 1 else float("nan")


def difference_bound(disagreements: Numbers, texts: Numbers, alpha: float = 0.05) -> Array:
    """Return how much the accuracies of two arms differ at most, whatever the true labels are.

    Only where they disagree can one be right and the other wrong, so |accuracy_a - accuracy_b| <= P(disagree); this is
    the upper end of the latter's confidence sequence.

    Args:
        disagreements: texts to which the arms give different labels.
        texts: all texts, at least as many; the bound is 1 without any.
        alpha: the risk in (0, 1) that the bound ever fails.

    Raises:
        ValueError: if an argument is out of its range.
    """
    from service.statistics import accuracy  # noqa: PLC0415 - SciPy: a process that answers asks only for the rest

    require_counts(disagreements=disagreements, texts=texts)
    require_part(disagreements, texts, "disagreements")
    return accuracy.interval(disagreements, texts, alpha).upper


def _checked(table: Table) -> Array:
    counts = np.asarray(table, np.float64)
    require_counts(table=counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.sum() > 0:
        raise ValueError(f"expected a square table with at least one text, got shape {counts.shape}")
    return counts
