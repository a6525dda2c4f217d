"""Which runs of a sweep are worth a look: the Pareto front, and the cheapest that is hardly worse than the best."""

import math
from collections.abc import Callable, Sequence

from training.sweeping.sweep import Result

Price = Callable[[Result], float]


def parameters(result: Result) -> float:
    """Return the number of weights."""
    return result.parameters


def microseconds(result: Result) -> float:
    """Return what one text costs, from text to probabilities."""
    return result.microseconds


def front(results: Sequence[Result], price: Price) -> list[Result]:
    """Return the runs than which no other is both at most as expensive and more accurate, the cheapest first.

    Of runs with the same price and accuracy, the first is kept.
    """
    ordered = sorted(results, key=lambda result: (price(result), -result.outcome.accuracy))
    chosen: list[Result] = []
    for result in ordered:
        if not chosen or result.outcome.accuracy > chosen[-1].outcome.accuracy:
            chosen.append(result)
    return chosen


def best(results: Sequence[Result]) -> Result:
    """Return the most accurate run, the first of equals."""
    return max(results, key=lambda result: result.outcome.accuracy)


def frugal(results: Sequence[Result], price: Price) -> Result:
    """Return the cheapest run within a standard error of the best (Breiman et al. 1984, section 3.4.3)."""
    highest = best(results).outcome
    error = math.sqrt(highest.accuracy * (1 - highest.accuracy) / highest.texts)
    near = [result for result in results if result.outcome.accuracy >= highest.accuracy - error]
    return min(near, key=lambda result: (price(result), -result.outcome.accuracy))
