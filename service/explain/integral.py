"""What each token adds to a probability: integrated gradients on the embeddings.

From embeddings of zero to those of the text, a probability goes from a baseline to what it is; the integral of its
gradient along that line, times the embedding of a token, is the part of the change that the token has (Sundararajan,
Taly and Yan 2017, arXiv:1703.01365). The integral is a sum over panels of the line (Simpson's rule). What a panel
should add up to is known, the change of the probability between its ends: where the sum misses most, the line has a
corner (a ReLU, a maximum), and such panels are halved. How far the parts are from adding up to the whole change is
reported, as their completeness error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.explain.graph import Array
from service.explain.replay import Replay, Run

WHOLE, NOTHING = 0, 1
"""Rows of the first run: the text as it is, and with embeddings of zero, where the line begins; then other points."""

FEW_POINTS, MANY_POINTS = 25, 50
"""Points of the line: how many are taken at once, and from how many on there are no further ones."""

ENOUGH = 0.01
"""Share of the change by which the sum may miss it; beyond that there are further points."""

_HALVED = 4
"""One of so many panels is halved at a time: each pass costs as much as fifteen points, however few it takes."""

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
        run: what the graph computed, in the rows `WHOLE` and `NOTHING`, and of further points of the line.
        integral: of the probability that is followed.
        pull: the gradient of the log-odds of the answer by the embedding of each token (tokens, features).
    """

    run: Run
    integral: Integral
    pull: Array


@dataclass(frozen=True, slots=True)
class _Line:
    """Points of the line, ascending; a panel begins at every second one, has the next in its middle, and ends behind.

    Attributes:
        places: of the points (points), from 0 to 1.
        probabilities: at each of them (points).
        slopes: how much the probability grows there along the line, by way of each token (points, tokens).
    """

    places: Array
    probabilities: Array
    slopes: Array

    def parts(self) -> Array:
        """Return what the tokens have in the change over each panel (panels, tokens)."""
        widths = self.places[2::2] - self.places[:-2:2]
        ends = self.slopes[:-2:2] + self.slopes[2::2]
        weighted: Array = (ends + 4 * self.slopes[1::2]) * (widths / 6)[:, None]
        return weighted

    def further(self) -> Array:
        """Return the points that halve the panels of which the parts miss the change most."""
        missed = np.abs(np.diff(self.probabilities[::2]) - self.parts().sum(1))
        worst = 2 * np.argsort(-missed)[: max(1, len(missed) // _HALVED)]
        middles = (self.places[:-1] + self.places[1:]) / 2
        chosen: Array = middles[np.concatenate([worst, worst + 1])]
        return chosen

    def joined(self, other: "_Line") -> "_Line":
        """Return the points of both."""
        places = np.concatenate([self.places, other.places])
        order = np.argsort(places)
        probabilities = np.concatenate([self.probabilities, other.probabilities])
        return _Line(places[order], probabilities[order], np.concatenate([self.slopes, other.slopes])[order])


def study(replay: Replay, ids: Sequence[int], followed: int, answer: int) -> Study:
    """Go through a text with few points of the line, and with more while these miss the change by too much.

    Args:
        replay: the model.
        ids: of the text, at least one.
        followed: place of the label whose probability is followed.
        answer: place of the label that the model gives.
    """
    rows = max(3, _MOST_TOKENS // len(ids))
    places = np.linspace(0, 1, FEW_POINTS)
    first = replay.run(ids, np.concatenate([[1], places[: rows - 1]]))
    seeds = _seeds(first, followed)
    seeds[WHOLE] = _log_odds(first.probabilities[WHOLE], answer)
    gradient, embedded = replay.gradient(first, seeds), first.embedded[WHOLE]
    line = _Line(places[: rows - 1], first.probabilities[1:, followed], (gradient[1:] * embedded).sum(-1))
    whole, baseline = (float(each) for each in first.probabilities[[WHOLE, NOTHING], followed])
    places = places[rows - 1 :]
    while True:
        for start in range(0, len(places), rows):
            some = places[start : start + rows]
            run = replay.run(ids, some)
            slopes = (replay.gradient(run, _seeds(run, followed)) * embedded).sum(-1)
            line = line.joined(_Line(some, run.probabilities[:, followed], slopes))
        values = line.parts().sum(0)
        error = abs(float(values.sum()) - (whole - baseline))
        if error <= ENOUGH * abs(whole - baseline) or len(line.places) >= MANY_POINTS:
            return Study(first, Integral(values, baseline, error, len(line.places)), gradient[WHOLE])
        places = line.further()


def _seeds(run: Run, followed: int) -> Array:
    """Return the gradients, by the probabilities, of that of one label."""
    seeds = np.zeros_like(run.probabilities)
    seeds[:, followed] = 1
    return seeds


def _log_odds(probabilities: Array, answer: int) -> Array:
    """Return the gradient, by the probabilities, of the logarithm of one of them over the sum of the others."""
    gradient = np.full_like(probabilities, -1 / max(_LEAST, np.delete(probabilities, answer).sum()))
    gradient[answer] = 1 / max(_LEAST, probabilities[answer])
    return gradient
