"""Accuracies under noise and by stars, on a scorer that reads texts as a child would."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.datasets import UNLABELLED, Dataset
from training.errors import DataError
from training.robustness import RATINGS, StarShare, accuracies_by_stars, accuracies_under_noise

LABELS = ("negative", "positive")


def _score(texts: Sequence[str]) -> NDArray[np.float32]:
    """Find a text positive if it says so with a blank."""
    positive = np.array(["정말 좋다" in text for text in texts], dtype=np.float32)
    return np.stack([1 - positive, positive], axis=1)


def _dataset(texts: Sequence[str], classes: Sequence[int]) -> Dataset:
    return Dataset(texts, np.eye(2, dtype=np.float32)[list(classes)], LABELS)


def _write(directory: Path, reviews: Sequence[str], ratings: Sequence[int]) -> None:
    (directory / "nsmc").mkdir()
    (directory / UNLABELLED).write_text("".join(f"{review}\n" for review in reviews), encoding="utf-8")
    (directory / RATINGS).write_text("".join(f"{rating}\n" for rating in ratings), encoding="utf-8")


def test_what_depends_on_blanks_is_lost_without_them() -> None:
    found = accuracies_under_noise(_dataset(["정말 좋다", "정말 별로다"], [1, 0]), _score)
    assert found["accuracy_without_blanks"] == 0.5


def test_typos_cost_accuracy_and_are_the_same_every_time() -> None:
    dataset = _dataset(["정말 좋다"] * 400, [1] * 400)
    first, again = accuracies_under_noise(dataset, _score), accuracies_under_noise(dataset, _score)
    assert first == again
    # spared are the texts without a hit in any of the four syllables: 0.95^4
    assert 0.75 < first["accuracy_with_typos"] < 0.88


def test_stars_are_told_apart_and_the_middle_is_left_out(tmp_path: Path) -> None:
    _write(tmp_path, ["정말 좋다", "정말 나쁘다", "정말 좋다", "그저 그렇다", "좋다"], [10, 1, 1, 6, 9])
    assert accuracies_by_stars(tmp_path, _score, LABELS) == [
        StarShare(1, 2, 0.5),
        StarShare(9, 1, 0.0),
        StarShare(10, 1, 1.0),
    ]


def test_without_further_reviews_there_are_no_figures_by_stars(tmp_path: Path) -> None:
    assert accuracies_by_stars(tmp_path, _score, LABELS) == []


def test_reviews_and_ratings_that_do_not_match_are_refused(tmp_path: Path) -> None:
    _write(tmp_path, ["정말 좋다"], [10, 9])
    with pytest.raises(DataError, match="2 ratings, 1 reviews"):
        accuracies_by_stars(tmp_path, _score, LABELS)
