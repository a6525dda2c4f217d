"""What gates do at which tokens, over many texts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ENOUGH = 30
"""How often a token must occur before its mean says something."""


class Readings(NamedTuple):
    """Gates of one model at every token of many texts.

    Attributes:
        tokens: as they stand in the texts.
        places: of the tokens in their texts, 0 for the first.
        gates: mean over the units, by name, as many as tokens.
    """

    tokens: Sequence[str]
    places: NDArray[np.int64]
    gates: Mapping[str, NDArray[np.float64]]


def readings(explained: Iterable[tuple[str, Mapping[str, Any]]]) -> Readings:
    """Collect the gates of the first layer.

    Args:
        explained: texts, each with what `POST /explain` says of the model.
    """
    tokens: list[str] = []
    places: list[int] = []
    gates: dict[str, list[float]] = defaultdict(list)
    for text, model in explained:
        tokens += [text[token["start"] : token["end"]] for token in model["tokens"]]
        places += range(len(model["tokens"]))
        for name, values in model["layers"][0]["gates"].items():
            gates[name] += values
    return Readings(tokens, np.array(places), {name: np.array(values) for name, values in gates.items()})


def extremes(read: Readings, gate: str, count: int) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """Return the tokens at which a gate is lowest on average, and those at which it is highest, most extreme first.

    Marks that stand for no character are left out.
    """
    values: dict[str, list[float]] = defaultdict(list)
    for token, value in zip(read.tokens, read.gates[gate], strict=True):
        values[token].append(value)
    means = sorted((float(np.mean(each)), token) for token, each in values.items() if token and len(each) >= ENOUGH)
    named = [(token, mean) for mean, token in means]
    return named[:count], named[::-1][:count]


def alike(one: Readings, gate: str, other: Readings, other_gate: str) -> float:
    """Return the correlation of two gates over the same tokens."""
    return float(np.corrcoef(one.gates[gate], other.gates[other_gate])[0, 1])


def without_place(read: Readings) -> Readings:
    """Take out of every gate what all tokens of the same place have in common: some open from token to token."""
    counts = np.bincount(read.places)
    gates = {
        name: values - (np.bincount(read.places, values) / counts)[read.places] for name, values in read.gates.items()
    }
    return read._replace(gates=gates)
