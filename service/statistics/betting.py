"""The mean of bounded values by betting on it: an interval that is exact from the first value on.

Two gamblers stake against every candidate m for the mean, one on larger values, one on smaller. If m is the mean,
neither can expect to gain; a candidate is ruled out for good once one of them has made
2 / alpha of each unit at stake.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024 (the hedged
capital process); reference section 2.4.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.statistics.arguments import Array, require_share

_BLOCK = 256
"""Values taken in at once: enough to be fast, few enough for the memory."""

_LARGEST_BET = 0.5
"""Of the stake, so that no gambler is ever ruined."""


class Path(NamedTuple):
    """Interval after each value, shape (values,) each."""

    lower: Array
    upper: Array


class Bets(NamedTuple):
    """All that the past has left behind; a few sums and two logarithms of capital for each candidate.

    Attributes:
        seen: how many values.
        total: their sum.
        squares: sum of their squared distances from the mean at the time.
        larger: log capital of the gambler on larger values, by candidate.
        smaller: log capital of the other one.
        peak: the most that either has; if running, ever had.
    """

    seen: int
    total: float
    squares: float
    larger: Array
    smaller: Array
    peak: Array


class HedgedBetting:
    """Confidence sequence for the mean of values in [0, 1], as they come.

    With mu_t = (1/2 + sum x) / (t + 1), s2_t = (1/4 + sum (x_i - mu_i)^2) / (t + 1) and the bet
    lam_t = sqrt(2 log(2 / alpha) / (s2_{t-1} t log(1 + t))), the capitals are the products of
    1 + min(lam, 1/2m) (x - m) and of 1 - min(lam, 1/2(1 - m)) (x - m).

    Args:
        alpha: the risk in (0, 1) that the interval ever misses.
        breaks: the candidates are 0, 1/breaks, …, 1; at least 2.
        running: whether what was once ruled out stays so (running intersection); if not, only the present counts.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(self, alpha: float = 0.05, breaks: int = 1000, running: bool = True) -> None:
        require_share(alpha=alpha)
        if breaks < 2:
            raise ValueError(f"breaks: expected at least 2, got {breaks}")
        self.alpha = alpha
        self.running = running
        self.candidates = np.arange(breaks + 1) / breaks
        nothing = np.zeros(breaks + 1)
        self.bets = Bets(0, 0.0, 0.0, nothing, nothing, nothing)

    @property
    def interval(self) -> tuple[float, float]:
        """The interval now; the whole range before the first value."""
        lower, upper = self._ends(self.bets.peak[None])
        return float(lower[0]), float(upper[0])

    def add(self, values: Array) -> Path:
        """Take in values, of shape (values,) and in [0, 1], and return the interval after each.

        Raises:
            ValueError: if a value is out of its range.
        """
        values = np.asarray(values, np.float64)
        if values.ndim != 1 or not np.all((values >= 0) & (values <= 1)):
            raise ValueError("values: expected one dimension, and numbers in [0, 1]")
        blocks = [self._add_block(values[at : at + _BLOCK]) for at in range(0, len(values), _BLOCK)]
        if not blocks:
            return Path(np.empty(0), np.empty(0))
        return Path(
            np.concatenate([block.lower for block in blocks]), np.concatenate([block.upper for block in blocks])
        )

    def _add_block(self, values: Array) -> Path:
        stakes = self._stakes(values)
        away = values[:, None] - self.candidates
        with np.errstate(divide="ignore"):
            most_larger, most_smaller = _LARGEST_BET / self.candidates, _LARGEST_BET / (1 - self.candidates)
        bets = self.bets
        larger = bets.larger + np.cumsum(np.log1p(np.minimum(stakes, most_larger) * away), axis=0)
        smaller = bets.smaller + np.cumsum(np.log1p(-np.minimum(stakes, most_smaller) * away), axis=0)
        peak = np.maximum(larger, smaller)
        if self.running:
            peak = np.maximum(np.maximum.accumulate(peak), bets.peak)
        self.bets = self.bets._replace(larger=larger[-1], smaller=smaller[-1], peak=peak[-1])
        return Path(*self._ends(peak))

    def _stakes(self, values: Array) -> Array:
        """Return the bet before each value, shape (values, 1), and add the values to the sums."""
        bets = self.bets
        count = bets.seen + np.arange(1, len(values) + 1)
        means = (0.5 + bets.total + np.cumsum(values)) / (count + 1)
        squares = bets.squares + np.cumsum((values - means) ** 2)
        before = np.concatenate(([bets.squares], squares[:-1]))
        variance = (0.25 + before) / count
        total = bets.total + float(values.sum())
        self.bets = bets._replace(seen=int(count[-1]), total=total, squares=float(squares[-1]))
        return np.asarray(np.sqrt(2 * np.log(2 / self.alpha) / (variance * count * np.log1p(count))))[:, None]

    def _ends(self, peak: Array) -> tuple[Array, Array]:
        """Return the outermost candidates that are not ruled out, each moved outward by one step.

        The truth may lie between two candidates, hence the step. Should all be ruled out, which alone happens with a
        probability of at most alpha, the one with the least against it stays.
        """
        standing: NDArray[np.bool_] = peak < np.log(2 / self.alpha)
        standing |= (peak == peak.min(axis=1, keepdims=True)) & ~standing.any(axis=1, keepdims=True)
        last = len(self.candidates) - 1
        lower = np.maximum(standing.argmax(axis=1) - 1, 0)
        upper = np.minimum(last - standing[:, ::-1].argmax(axis=1) + 1, last)
        return self.candidates[lower], self.candidates[upper]


def difference_path(differences: Array, alpha: float = 0.05, breaks: int = 1000, running: bool = True) -> Path:
    """Return the confidence sequence of the mean of differences, after each of them.

    Args:
        differences: shape (values,), each in [-1, 1]: 1 where only the first arm was right, -1 where only the second
            was, else 0; or any other score of the first minus that of the second.
        alpha: the risk in (0, 1) that the interval ever misses.
        breaks: steps of the interval, each of 2 / breaks.
        running: whether what was once ruled out stays so.

    Raises:
        ValueError: if an argument is out of its range.
    """
    path = HedgedBetting(alpha, breaks, running).add((np.asarray(differences, np.float64) + 1) / 2)
    return Path(2 * path.lower - 1, 2 * path.upper - 1)
