from pathlib import Path

import numpy as np
import pytest

from training.config import TrainingConfig
from training.datasets import load_corpus
from training.linear import LINEAR, CharacterCounts, cross_fit, fit_linear

TEXTS = [f"{word} {number}" for number in range(40) for word in ("좋았다", "지루했다", "그저 그랬다")]
CLASSES = np.tile([0, 1, 2], 40)


@pytest.mark.parametrize("kind", LINEAR)
def test_a_linear_teacher_learns_two_classes(table: Path, kind: str) -> None:
    corpus = load_corpus(TrainingConfig(dataset=str(table)))
    counts = CharacterCounts(corpus.train.texts, rarest=1)

    judge = fit_linear(kind, counts.count(corpus.train.texts), corpus.train.classes, 2)
    probabilities = judge(counts.count(corpus.test.texts))

    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == corpus.test.classes).mean() > 0.9


@pytest.mark.parametrize("kind", LINEAR)
def test_a_linear_teacher_learns_three_classes(kind: str) -> None:
    counts = CharacterCounts(TEXTS).count(TEXTS)

    probabilities = fit_linear(kind, counts, CLASSES, 3)(counts)

    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == CLASSES).all()


def test_blanks_do_not_count() -> None:
    counts = CharacterCounts(TEXTS)

    together, apart = counts.count(["그저그랬다", "그 저 그 랬 다"])

    assert (together.toarray() == apart.toarray()).all()


def test_blanks_count_at_both_ends_of_words() -> None:
    counts = CharacterCounts(TEXTS, words=True)

    together, apart = counts.count(["그저그랬다", "그저 그랬다"])

    assert (together.toarray() != apart.toarray()).any()


@pytest.mark.parametrize(("folds", "seen"), [(1, True), (4, False)])
def test_with_several_folds_no_row_is_judged_by_a_model_that_saw_it(folds: int, seen: bool) -> None:
    random = np.random.default_rng(0)
    texts = ["".join(chr(0xAC00 + code) for code in random.integers(0, 300, 12)) for _ in range(200)]
    classes = random.integers(0, 2, 200)  # nothing to learn, but by heart
    counts = CharacterCounts(texts, rarest=1).count(texts)

    probabilities, models = cross_fit("nbsvm", counts, (classes, 2), np.arange(200) % folds)

    assert len(models) == folds
    assert bool((probabilities.argmax(axis=1) == classes).mean() > 0.9) is seen
