"""How far back models remember, over many texts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS = 40
"""Tokens before the end that are looked at; the texts have at least so many."""


class Curve(NamedTuple):
    """How much depends on a token, k = 0, 1, … steps later, over many texts.

    Attributes:
        low: a quarter of the texts is below.
        middle: the median.
        high: a quarter of the texts is above.
    """

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]


def of_state(explained: Iterable[Mapping[str, Any]]) -> Curve:
    """Return the curve of the last state of the first layer, as a share of how much depends on the last token."""
    norms = _norms(model["layers"][0]["memory"] for model in explained)
    return _quartiles(norms / norms[:, :1])


def of_answer(explained: Iterable[Mapping[str, Any]]) -> Curve:
    """Return the curve of the answer, as a multiple of how much depends on a token on average."""
    norms = _norms(model["memory"] for model in explained)
    return _quartiles(norms / norms.mean(axis=1, keepdims=True))


def left_after(curve: Curve, share: float) -> int | None:
    """Return after how many steps no more than this share is left, in the median; None if there is more at the end."""
    below = np.flatnonzero(curve.middle <= share)
    return int(below[0]) if len(below) else None


def _norms(lists: Iterable[list[float]]) -> NDArray[np.float64]:
    return np.array([each[:STEPS] for each in lists])


def _quartiles(shares: NDArray[np.float64]) -> Curve:
    return Curve(*np.quantile(shares, (0.25, 0.5, 0.75), axis=0))
