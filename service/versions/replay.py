"""Replays texts through the version that answers and the one that shall, and says how far they are apart."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from statistics import median
from time import perf_counter

import numpy as np

from model_store.errors import StoreError
from model_store.golden import read_golden
from model_store.layout import GOLDEN
from service.model import Model
from service.statistics.agreement import agreement, kappa

MOST_TEXTS = 1_000
"""That are replayed; more would take longer and say little more."""
_TIMED = 100
"""Texts of which the time is measured, one by one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far two versions may be apart.

    Attributes:
        agreement: the least share of texts that get the same label.
        slowdown: how many times as long the new one may take.
    """

    agreement: float
    slowdown: float


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a replay.

    Attributes:
        texts: how many were replayed.
        flips: how many of them get another label.
        agreement: the share of those that get the same.
        kappa: the agreement beyond that of chance (Cohen); None where chance explains all.
        largest_difference: of a probability.
        latency_ratio: how many times as long the new version takes for a text, in the median.
    """

    texts: int
    flips: int
    agreement: float
    kappa: float | None
    largest_difference: float
    latency_ratio: float

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON knows it."""
        return asdict(self)

    def against(self, limits: Limits) -> list[str]:
        """Return what speaks against the new version."""
        found = []
        if self.agreement < limits.agreement:
            found.append(
                f"{self.flips} of {self.texts} texts get another label; {limits.agreement:g} must get the same"
            )
        if self.latency_ratio > limits.slowdown:
            found.append(
                f"it takes {self.latency_ratio:.1f} times as long; at most {limits.slowdown:g} times is allowed"
            )
        return found


def golden_texts(models: Iterable[Model]) -> list[str]:
    """Return the golden texts of versions, each once; of one whose directory is gone there are none."""
    texts: dict[str, None] = {}
    for model in models:
        try:
            texts |= dict.fromkeys(example.text for example in read_golden(model.stored.path / GOLDEN))
        except StoreError:
            continue
    return list(texts)


def replay(old: Model, new: Model, texts: Sequence[str]) -> Report | None:
    """Score texts with two versions that have the same labels; blocks for some milliseconds up to seconds.

    Returns:
        None if there is no text in which both see anything.
    """
    rows = [(old.encode(text).ids, new.encode(text).ids) for text in texts[:MOST_TEXTS]]
    seen = [pair for pair in rows if all(pair)]
    if not seen:
        return None
    scores = [
        np.concatenate([model.engine.score([pair[place]]) for pair in seen]) for place, model in enumerate((old, new))
    ]
    labels = [scored.argmax(axis=1) for scored in scores]
    table = np.zeros((scores[0].shape[1],) * 2)
    np.add.at(table, (labels[0], labels[1]), 1)
    beyond_chance = kappa(table)
    return Report(
        texts=len(seen),
        flips=int((labels[0] != labels[1]).sum()),
        agreement=round(agreement(table), 4),
        kappa=None if isnan(beyond_chance) else round(beyond_chance, 4),
        largest_difference=round(float(np.abs(scores[0] - scores[1]).max()), 4),
        latency_ratio=round(_latency_ratio(old, new, seen[:_TIMED]), 2),
    )


def _latency_ratio(old: Model, new: Model, rows: Sequence[tuple[list[int], list[int]]]) -> float:
    """Compare the medians of the time of one text; taken in turns, so that what else happens hits both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for pair in rows:
        for model, row, taken in zip((old, new), pair, times, strict=True):
            started = perf_counter()
            model.engine.score([row])
            taken.append(perf_counter() - started)
    return median(times[1]) / median(times[0])
