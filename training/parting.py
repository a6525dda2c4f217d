"""Dealing texts to parts at random, so that equal ones (after normalisation) always stay together."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model_store.text import normalize_all
from training.errors import ConfigError

_FOLD = re.compile(r"([1-9]\d{0,2})/([1-9]\d{0,2})")


def drawn(texts: Sequence[str], share: float, seed: int) -> NDArray[np.bool_]:
    """Tell which texts, (n,), are among about `share` of all, drawn by `seed`."""
    groups = _groups(texts)
    chosen: NDArray[np.bool_] = (np.random.default_rng(seed).random(groups.max() + 1) < share)[groups]
    return chosen


def dealt(texts: Sequence[str], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each text, (n,), from 0; folds differ by one distinct text at most."""
    groups = _groups(texts)
    order: NDArray[np.int64] = np.random.default_rng(seed).permutation(groups.max() + 1) % folds
    return order[groups]


def in_fold(texts: Sequence[str], fold: str) -> NDArray[np.bool_]:
    """Tell which texts, (n,), are in a fold.

    Args:
        texts: the texts.
        fold: such as `2/5`, the second of five.

    Raises:
        ConfigError: if it is not one of two folds or more.
    """
    match = _FOLD.fullmatch(fold)
    number, folds = (int(each) for each in match.groups()) if match else (0, 0)
    if not 1 <= number <= folds or folds < 2:
        raise ConfigError(f"fold must be one of two folds or more, such as 2/5, found {fold!r}")
    return np.equal(dealt(texts, folds), number - 1)


def _groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a number for each text, (n,), the same for equal ones."""
    _, groups = np.unique(normalize_all(texts), return_inverse=True)
    return groups
