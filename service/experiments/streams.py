"""Counts that should fall on the arms in known shares, and how strongly they say that they do not."""

from collections.abc import Sequence
from math import exp, inf, log

from service.statistics.sample_ratio import DEFAULT_CONCENTRATION, LOG_ALARM


class ShareStream:
    """A sequential test of a multinomial, one count at a time.

    The evidence is `sample_ratio.log_e`, as a product of predictions: so each count costs but one logarithm.

    Args:
        shares: of the arms; they add up to one. Where one is zero, a single count is infinite evidence.
    """

    __slots__ = ("_prior", "counts", "log_e", "log_e_sup", "shares", "total")

    def __init__(self, shares: Sequence[float]) -> None:
        self.shares = tuple(shares)
        self.counts = [0] * len(shares)
        self.total = 0
        self.log_e = 0.0
        self.log_e_sup = 0.0
        self._prior = [DEFAULT_CONCENTRATION * share for share in shares]

    def add(self, arm: int) -> None:
        """Count one for an arm."""
        share, count = self.shares[arm], self.counts[arm]
        if share:
            self.log_e += log((self._prior[arm] + count) / ((DEFAULT_CONCENTRATION + self.total) * share))
        else:
            self.log_e = inf
        self.counts[arm] = count + 1
        self.total += 1
        self.log_e_sup = max(self.log_e_sup, self.log_e)

    @property
    def alarmed(self) -> bool:
        """Whether the evidence was ever enough."""
        return self.log_e_sup >= LOG_ALARM


def e_value(log_e: float) -> float:
    """Return evidence for people and JSON: no larger than a float can be."""
    return exp(min(log_e, 690.0))
