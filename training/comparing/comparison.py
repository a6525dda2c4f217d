"""Two models or more on the same texts: what each gives, how they differ, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from training.comparing.contestants import Contestant
from training.comparing.cost import Cost, measure
from training.comparing.statistics import Interval, Pair, accuracy_interval, compare_pairs
from training.comparing.texts import Texts
from training.comparing.watching import Watching
from training.datasets import Dataset
from training.evaluation import Evaluation, evaluate
from training.rows import bucketed, encode_rows

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Standing:
    """What one model gave.

    Attributes:
        contestant: the model.
        probabilities: float32 (n, labels), labels in the order of the texts.
        evaluation: its figures, calibration among them.
        interval: of its accuracy.
        cost: of one text.
    """

    contestant: Contestant
    probabilities: NDArray[np.float32]
    evaluation: Evaluation
    interval: Interval
    cost: Cost

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.contestant.name

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.evaluation.metrics["accuracy"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is told of models side by side.

    Attributes:
        texts: what they were asked.
        standings: what each gave, in the order in which they were named.
        pairs: every two of them.
    """

    texts: Texts
    standings: list[Standing]
    pairs: list[Pair]

    @property
    def disagreements(self) -> NDArray[np.int64]:
        """Places of the texts to which not all models give the same label, in the order of the texts."""
        given = np.stack([each.probabilities.argmax(axis=1) for each in self.standings])
        return np.flatnonzero((given != given[0]).any(axis=0))


def compare(contestants: Sequence[Contestant], texts: Texts, watching: Watching) -> Comparison:
    """Ask every model all texts, then time them.

    Args:
        contestants: two or more models with the same labels.
        texts: what they are asked.
        watching: is told how far it is.
    """
    scored = [_scored(each, texts.dataset, watching) for each in contestants]
    costs = measure(contestants, texts.dataset.texts, watching.step("time", len(contestants)))
    standings = []
    for contestant, (probabilities, evaluation), cost in zip(contestants, scored, costs, strict=True):
        right = round(evaluation.metrics["accuracy"] * evaluation.rows)
        interval = accuracy_interval(right, evaluation.rows)
        standings.append(Standing(contestant, probabilities, evaluation, interval, cost))
    given = [each.probabilities.argmax(axis=1) for each in standings]
    return Comparison(texts, standings, compare_pairs(given, texts.dataset.classes))


def _scored(contestant: Contestant, dataset: Dataset, watching: Watching) -> tuple[NDArray[np.float32], Evaluation]:
    """Return the probabilities of every text, and what they are worth."""
    rows = encode_rows(dataset, contestant.encoder, contestant.max_tokens, keep_empty=True)
    columns = [contestant.labels.index(label) for label in dataset.labels]
    probabilities = np.empty(rows.targets.shape, dtype=np.float32)
    said, done = watching.step(contestant.name, len(rows)), 0
    for indices, length in bucketed(rows, _BATCH, order=None):
        scores = contestant.score_many(pad([rows.ids[index] for index in indices], length))
        probabilities[indices] = scores[:, columns]
        done += len(indices)
        said(done, len(rows))
    return probabilities, evaluate(probabilities, rows)
