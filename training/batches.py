"""Batches of like length as a stream for Keras."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model_store.golden import pad
from training.rows import Rows, bucketed


def training_batches(rows: Rows, batch_size: int, seed: Sequence[int]) -> tf.data.Dataset:
    """Return one epoch of batches (ids int32 (batch, length), targets float32 (batch, labels)).

    The same `seed` gives the same order.
    """

    def generate() -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        for indices, length in bucketed(rows, batch_size, np.random.default_rng(seed)):
            yield pad([rows.ids[index] for index in indices], length), rows.targets[indices]

    signature = (
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, rows.targets.shape[1]), tf.float32),
    )
    batches = tf.data.Dataset.from_generator(generate, output_signature=signature)
    count = -(-len(rows) // batch_size)
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(8)
