import numpy as np
import pytest

from model_store.text import normalize
from training.errors import ConfigError
from training.parting import dealt, drawn, in_fold

TEXTS = [f"영화 {number % 50}" + " " * (number % 3) for number in range(500)]


def test_equal_texts_are_dealt_to_the_same_fold() -> None:
    folds = dealt(TEXTS, 5)

    where: dict[str, set[int]] = {}
    for text, fold in zip(TEXTS, folds, strict=True):
        where.setdefault(normalize(text), set()).add(int(fold))
    assert {len(found) for found in where.values()} == {1}


def test_folds_are_as_large_as_can_be() -> None:
    folds = dealt([str(number) for number in range(103)], 5)

    assert sorted(np.bincount(folds).tolist()) == [20, 20, 21, 21, 21]


def test_every_text_is_in_one_of_the_folds() -> None:
    chosen = np.stack([in_fold(TEXTS, f"{number}/3") for number in (1, 2, 3)])

    assert (chosen.sum(axis=0) == 1).all()


def test_a_share_is_drawn_anew_by_another_seed_only() -> None:
    texts = [str(number) for number in range(1_000)]

    assert 150 < drawn(texts, 0.2, seed=1).sum() < 250
    assert (drawn(texts, 0.2, seed=1) == drawn(texts, 0.2, seed=1)).all()
    assert not (drawn(texts, 0.2, seed=1) == drawn(texts, 0.2, seed=2)).all()


@pytest.mark.parametrize("fold", ["", "2", "0/5", "6/5", "1/1", "1/0", "-1/5", "1/5 ", "1/2/3", "1/1000"])
def test_what_is_no_fold_is_refused(fold: str) -> None:
    with pytest.raises(ConfigError, match="one of two folds or more"):
        in_fold(TEXTS, fold)
