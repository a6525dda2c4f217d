"""How many more labels a decision will probably take, if what was seen so far goes on as it is. A plan, no promise.

If wins and losses, or errors, keep coming in the shares seen so far, the logarithm of the evidence grows with each of
them by their divergence from the null hypothesis (Wald, 1945), less the price of not having known the shares
beforehand; the evidence itself says where that reaches the threshold. More than half of all experiments decide sooner.
"""

from collections.abc import Callable
from math import ceil

from service.statistics import errors_by_arm, sign
from service.statistics.arguments import require_part

_FARTHEST = 30
"""Doublings of what is known; a decision that needs more is not in sight."""


def further_labels_paired(
    wins: float, losses: float, labels: float, log_threshold: float, prior: float = sign.DEFAULT_PRIOR
) -> int | None:
    """Return how many more texts must be labelled until the sign e-process decides.

    Args:
        wins: texts so far that only the first arm got right.
        losses: texts so far that only the second got right.
        labels: all labelled texts, at least wins + losses.
        log_threshold: log(comparisons / alpha).
        prior: of `sign.log_e_two_sided`.

    Returns:
        0 if the evidence suffices; None if no decision is in sight: no discordant text, or as many wins as losses.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_part(wins + losses, labels, "wins + losses")

    def log_e(times: float) -> float:
        return float(sign.log_e_two_sided(times * wins, times * losses, prior))

    return _further_labels(log_e, log_threshold, labels)


def further_labels_split(
    errors: tuple[float, float],
    labels: float,
    log_threshold: float,
    share_a: float = 0.5,
    prior: float = errors_by_arm.DEFAULT_PRIOR,
) -> int | None:
    """Return how many more answers, of both arms together, must be labelled until the error stream decides.

    Args:
        errors: labelled errors so far of the first and the second arm.
        labels: all labelled answers of both, at least as many.
        log_threshold: log(comparisons / alpha).
        share_a: the first arm's share of the traffic of both.
        prior: of `errors_by_arm.log_e_two`.

    Returns:
        0 if the evidence suffices; None if no decision is in sight.

    Raises:
        ValueError: if an argument is out of its range.
    """
    require_part(sum(errors), labels, "errors")

    def log_e(times: float) -> float:
        return float(errors_by_arm.log_e_two(times * errors[0], times * errors[1], share_a, prior))

    return _further_labels(log_e, log_threshold, labels)


def _further_labels(log_e: Callable[[float], float], log_threshold: float, labels: float) -> int | None:
    """Find how many times what is known would suffice: double until it does, then halve the rest."""
    if log_e(1) >= log_threshold:
        return 0
    enough = next((2.0**doublings for doublings in range(1, _FARTHEST) if log_e(2.0**doublings) >= log_threshold), None)
    if enough is None:
        return None
    too_few = enough / 2
    while (enough - too_few) * labels > 0.5:
        half = (too_few + enough) / 2
        too_few, enough = (too_few, half) if log_e(half) >= log_threshold else (half, enough)
    return ceil((enough - 1) * labels)
