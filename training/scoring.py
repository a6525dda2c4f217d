"""Scores of a Keras model for many rows."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model_store.golden import Scorer, pad
from training.rows import Rows, bucketed

SCORING_BATCH = 512


def keras_scorer(model: keras.Model) -> Scorer:
    """Return a function from ids int32 (batch, length) to the model's probabilities float32 (batch, labels)."""
    step: Callable[[Any], Any] = tf.function(
        lambda ids: model(ids, training=False), input_signature=[tf.TensorSpec((None, None), tf.int32)]
    )
    return lambda ids: np.asarray(step(ids))


def score_rows(score: Scorer, rows: Rows, batch_size: int = SCORING_BATCH) -> NDArray[np.float32]:
    """Return the probabilities float32 (n, labels) of all rows, in their order."""
    probabilities = np.empty(rows.targets.shape, dtype=np.float32)
    for indices, length in bucketed(rows, batch_size, order=None):
        probabilities[indices] = score(pad([rows.ids[index] for index in indices], length))
    return probabilities
