"""What each token adds to a probability: integrated gradients on the embeddings.

From embeddings of zero to those of the text, a probability goes from a baseline to what it is; the integral of its
gradient along that line, times the embedding of a token, is the part of the change that the token has (Sundararajan,
Taly and Yan 2017, arXiv:1703.01365). The integral is a sum over points of the line (Gauss-Legendre quadrature); how far
the parts are from adding up to the change is reported, as its completeness error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from service.explain.graph import Array
from service.explain.replay import Replay, Run

WHOLE, NOTHING = 0, 1
"""Rows of the first run: the text as it is, and with embeddings of zero; then come points between."""

FEW_POINTS, MANY_POINTS = 32, 64
"""Points of the line; many where few are not enough."""

ENOUGH = 0.01
"""Share of the change by which the sum may miss it with few points."""

_MOST_TOKENS = 8_192
"""Of one run, all rows together: what it keeps for the way back takes kilobytes for each."""

_LEAST = 1e-30
"""Instead of a probability that is too small for a float."""


@dataclass(frozen=True, slots=True)
class Integral:
    """The parts that the tokens have in a change of probability.

    Attributes:
        values: of each token; positive if it speaks for the label.
        baseline: the probability with embeddings of zero.
        error: how far the values are from adding up to the change.
        points: of the line.
    """

    values: Array
    baseline: float
    error: float
    points: int


@dataclass(frozen=True, slots=True)
class Study:
    """What one pass through a text and back shows.

    Attributes:
        run: what the graph computed, in the rows `WHOLE` and `NOTHING`, and of points between.
        integral: of the probability that is followed.
        pull: the gradient of the log-odds of the answer by the embedding of each token (tokens, features).
    """

    run: Run
    integral: Integral
    pull: Array


def study(replay: Replay, ids: Sequence[int], followed: int, answer: int) -> Study:
    """Go through a text with few points of the line, and with many if these miss the change by too much.

    Args:
        replay: the model.
        ids: of the text, at least one.
        followed: place of the label whose probability is followed.
        answer: place of the label that the model gives.
    """
    few = _study(replay, ids, (followed, answer), FEW_POINTS)
    change = few.run.probabilities[WHOLE, followed] - few.integral.baseline
    if few.integral.error <= ENOUGH * abs(change):
        return few
    return _study(replay, ids, (followed, answer), MANY_POINTS)


def _study(replay: Replay, ids: Sequence[int], labels: tuple[int, int], points: int) -> Study:
    followed, answer = labels
    places, weights = _line(points)
    rows = max(3, _MOST_TOKENS // len(ids))
    first = replay.run(ids, np.concatenate([[1, 0], places[: rows - 2]]))
    seeds = _seeds(first, followed, weights[: rows - 2])
    seeds[WHOLE] = _log_odds(first.probabilities[WHOLE], answer)
    gradient = replay.gradient(first, seeds)
    total = gradient[2:].sum(0)
    for start in range(rows - 2, points, rows):
        run = replay.run(ids, places[start : start + rows])
        total = total + replay.gradient(run, _seeds(run, followed, weights[start : start + rows])).sum(0)
    values = (total * first.embedded[WHOLE]).sum(-1)
    whole, baseline = first.probabilities[[WHOLE, NOTHING], followed]
    error = abs(float(values.sum()) - float(whole - baseline))
    return Study(first, Integral(values, float(baseline), error, points), gradient[WHOLE])


def _seeds(run: Run, followed: int, weights: Array) -> Array:
    """Return the gradients by the probabilities: a weight by that of a label, for the last rows of a run."""
    seeds = np.zeros_like(run.probabilities)
    seeds[len(seeds) - len(weights) :, followed] = weights
    return seeds


def _log_odds(probabilities: Array, answer: int) -> Array:
    """Return the gradient, by the probabilities, of the logarithm of one of them over the sum of the others."""
    gradient = np.full_like(probabilities, -1 / max(_LEAST, np.delete(probabilities, answer).sum()))
    gradient[answer] = 1 / max(_LEAST, probabilities[answer])
    return gradient


@cache
def _line(points: int) -> tuple[Array, Array]:
    """Return points between 0 and 1, and their weights, which add up to 1."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return (places + 1) / 2, weights / 2
