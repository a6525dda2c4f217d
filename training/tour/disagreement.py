"""Where models disagree: how often each is right and wrong together with which others, and on which texts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rights = Mapping[str, NDArray[np.bool_]]
"""By model, whether it is right about each text."""


class Slice(NamedTuple):
    """Some of the texts, and what is in them.

    Attributes:
        name: what they have in common.
        texts: how many.
        accuracy: of each model.
        disagreed: share of texts on which the models do not all say the same.
    """

    name: str
    texts: int
    accuracy: Mapping[str, float]
    disagreed: float


@dataclass(frozen=True, slots=True)
class Example:
    """A text on which one model is alone with its answer; `probability` of the second label by model."""

    text: str
    label: str
    probability: Mapping[str, float]


def _contains(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern)
    return lambda text: found.search(text) is not None


def _between(least: int, most: int) -> Callable[[str], bool]:
    return lambda text: least <= len(text) <= most


SLICES: Mapping[str, Callable[[str], bool]] = {
    "all": lambda _: True,
    "to 10 characters": _between(0, 10),
    "11 to 30": _between(11, 30),
    "31 to 80": _between(31, 80),
    "more than 80": _between(81, 10_000),
    "안, 못, -지 않": _contains(r"(^|\s)(안|못)\s|지\s?(않|못)"),
    "지만, 는데, 그런데, 하지만": _contains(r"지만|는데|그런데|근데"),
    "ㅋ or ㅠ": _contains(r"[ㅋㅠㅜ]"),
    "12 characters and more without a blank": _contains(r"\S{12}"),
}
"""Kinds of texts by their names on the page."""


def patterns(rights: Rights) -> dict[tuple[bool, ...], int]:
    """Count the texts for every combination of models being right, in the order of the models."""
    columns = np.stack(list(rights.values()), axis=1)
    return {
        pattern: int((columns == pattern).all(axis=1).sum()) for pattern in product((True, False), repeat=len(rights))
    }


def slices(texts: Sequence[str], rights: Rights) -> list[Slice]:
    """Return the accuracy of every model on each kind of texts that there are.

    Of two labels, models that are not right together do not say the same.
    """
    columns = np.stack(list(rights.values()))
    unlike = (columns != columns[0]).any(axis=0)
    found = []
    for name, belongs in SLICES.items():
        chosen = np.array([belongs(text) for text in texts])
        if not chosen.any():
            continue
        accuracy = {model: float(right[chosen].mean()) for model, right in rights.items()}
        found.append(Slice(name, int(chosen.sum()), accuracy, float(unlike[chosen].mean())))
    return found


def alone(
    texts: Sequence[str], labels: Sequence[str], probabilities: Mapping[str, NDArray[np.float64]], model: str
) -> list[Example]:
    """Return the texts of 15 to 60 characters on which one model stands alone, the clearest first.

    Args:
        texts: the texts.
        labels: their true labels.
        probabilities: of the second label, by model.
        model: the one that says what no other says.
    """
    others = np.stack([values for name, values in probabilities.items() if name != model])
    own = probabilities[model]
    against = np.all((own > 0.5) != (others > 0.5), axis=0)
    margin = np.abs(own - others.mean(axis=0))
    places = [place for place, found in enumerate(against.tolist()) if found and 15 <= len(texts[place]) <= 60]
    order = sorted(places, key=lambda place: -margin[place])
    return [
        Example(texts[place], labels[place], {name: float(each[place]) for name, each in probabilities.items()})
        for place in order
    ]
