"""The memory curve: how strongly the answer still depends on a token k steps back.

The norm of the gradient of the answer's log-odds with respect to the embedding of the token k steps before the end,
averaged over texts. In a SimpleRNN it shrinks or grows geometrically with k (Bengio, Simard and Frasconi 1994; Pascanu,
Mikolov and Bengio 2013, arXiv:1211.5063); gates are there to keep it level (Hochreiter and Schmidhuber 1997).
"""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model_store.golden import pad
from training.rows import Rows

STEPS = (40, 30, 20, 10)
"""Lengths to look at, the longest first for which there are enough texts."""
ENOUGH_TEXTS = 200
MOST_TEXTS = 500


def memory_curve(model: keras.Model, rows: Rows) -> list[float]:
    """Return the mean gradient norm for k = 0, 1, … steps before the end.

    Only texts with at least as many units as steps are used, cut to that number, so that no padding is among them.

    Returns:
        10 to 40 norms, or an empty list when there are too few texts of at least 10 units.
    """
    for steps in STEPS:
        long_enough = np.flatnonzero(rows.lengths >= steps)[:MOST_TEXTS]
        if len(long_enough) >= ENOUGH_TEXTS:
            norms = _gradient_norms(model, pad([rows.ids[index][:steps] for index in long_enough]))
            return [float(norm) for norm in norms[::-1]]
    return []


def _gradient_norms(model: keras.Model, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mean norm for each position of ids (texts, steps), first to last."""
    table = model.get_layer("embedding").embeddings
    with tf.GradientTape() as tape:
        tape.watch(table.value)
        highest = tf.reduce_max(model(ids, training=False), axis=-1)
        log_odds = tf.math.log(highest) - tf.math.log1p(-tf.minimum(highest, 1 - 1e-6))
    # The gradient of a look-up keeps one row for each token looked up, in their order: what is wanted here.
    gradient = tape.gradient(log_odds, table.value).values
    norms: NDArray[np.float32] = np.linalg.norm(gradient, axis=-1).reshape(ids.shape).mean(axis=0)
    return norms
