"""How much of a model's accuracy is left when texts are not what it learnt from: noise, and reviews by their stars."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.datasets import UNLABELLED, Dataset, existing
from training.errors import DataError
from training.noise import drop_blanks, with_typos
from training.scoring import TextScorer
from training.tables import read_text

TYPO_RATE = 0.05
SEED = 5
RATINGS = "nsmc/reviews_unlabelled.ratings.txt"
STARS = {1: "negative", 2: "negative", 3: "negative", 4: "negative", 9: "positive", 10: "positive"}
"""What a number of stars means, by the rule that NSMC was labelled by; the numbers between mean nothing sure."""

REVIEWS_PER_STAR = 1_000


@dataclass(frozen=True, slots=True)
class StarShare:
    """Accuracy on reviews with one number of stars."""

    stars: int
    rows: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """Accuracies beside the plain one.

    Attributes:
        metrics: accuracy_without_blanks, accuracy_with_typos (`TYPO_RATE` of the syllables), on the rows of the report.
        by_stars: of further reviews; empty where the data has none.
    """

    metrics: dict[str, float]
    by_stars: list[StarShare] = field(default_factory=list)


def accuracies_under_noise(dataset: Dataset, score: TextScorer) -> dict[str, float]:
    """Return the accuracy on all texts without blanks, and with typos, the same ones for every model."""
    generator = np.random.default_rng(SEED)
    noised = {
        "accuracy_without_blanks": [drop_blanks(text) for text in dataset.texts],
        "accuracy_with_typos": [with_typos(text, TYPO_RATE, generator) for text in dataset.texts],
    }
    return {name: _accuracy(score(texts), dataset.classes) for name, texts in noised.items()}


def accuracies_by_stars(directory: Path, score: TextScorer, labels: Sequence[str]) -> list[StarShare]:
    """Return the accuracy on further reviews by their stars, up to `REVIEWS_PER_STAR` of each, the same for all models.

    The labelled reviews of NSMC come without stars. Models of track B have seen these texts, with soft labels: for
    them, the differences between the stars tell more than the height.

    Args:
        directory: where the data lies.
        score: gives n texts their probabilities float (n, labels).
        labels: the classes in the order of its columns.

    Returns:
        Nothing where the further reviews or their stars are not there.

    Raises:
        DataError: if reviews and stars are not equally many.
    """
    try:
        reviews_path, stars_path = existing(directory / UNLABELLED), existing(directory / RATINGS)
    except DataError:
        return []
    reviews = read_text(reviews_path).splitlines()
    given = np.array(read_text(stars_path).split(), dtype=np.int64)
    if len(reviews) != len(given):
        raise DataError(stars_path, f"{len(given)} ratings, {len(reviews)} reviews")
    generator = np.random.default_rng(SEED)
    shares = []
    for stars, label in STARS.items():
        rows = generator.permutation(np.flatnonzero(given == stars))[:REVIEWS_PER_STAR]
        if len(rows):
            scores = score([reviews[row] for row in rows])
            accuracy = _accuracy(scores, np.full(len(rows), list(labels).index(label)))
            shares.append(StarShare(stars, len(rows), accuracy))
    return shares


def _accuracy(scores: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    return float((scores.argmax(axis=1) == classes).mean())
