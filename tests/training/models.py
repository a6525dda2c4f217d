"""Small models and rows for the tests that train and lower."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig

VOCABULARY = 60


def small(**settings: Any) -> TrainingConfig:
    """Return settings of a model of a few thousand weights; `settings` go before."""
    return TrainingConfig(**{"vocabulary": VOCABULARY, "length": 12, "embedding": 8, "units": 6, **settings})


def ragged_ids(count: int = 24, longest: int = 20) -> NDArray[np.int32]:
    """Return rows of random ids, padded; the first is empty, the second as long as can be."""
    random = np.random.default_rng(0)
    ids = np.zeros((count, longest), dtype=np.int32)
    for row, length in enumerate([0, longest, *random.integers(1, longest, count - 2)]):
        ids[row, :length] = random.integers(1, VOCABULARY, length)
    return ids


def random_weights(model: Any) -> None:
    """Give a Keras model weights large enough that a mistake shows in its scores."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        if np.issubdtype(weight.dtype, np.floating):
            weight.assign(random.normal(scale=0.4, size=weight.shape))
