"""What differs between the backends that Keras runs on: TensorFlow, which publishes too, and JAX or PyTorch to train.

`KERAS_BACKEND` chooses. A run trained on one is evaluated and published on TensorFlow: its weights are the same file.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model_store.golden import Scorer
from training.batches import Batch, Batches
from training.history import Epoch

# ruff: noqa: PLC0415  where another backend trains, TensorFlow need not be installed


def on_tensorflow() -> bool:
    """Tell whether Keras runs on TensorFlow."""
    return bool(keras.backend.backend() == "tensorflow")


def seed_everything(seed: int) -> None:
    """Make random choices repeatable; on TensorFlow the order of additions as well."""
    keras.utils.set_random_seed(seed)
    if on_tensorflow():
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def jit_compile() -> bool:
    """Tell whether the steps of training are compiled: JAX does nothing worth waiting for otherwise."""
    return bool(keras.backend.backend() == "jax")


def feed(batches: Batches) -> Any:
    """Return what `fit` shall be given for `batches`: on TensorFlow a stream, made while the step before is computed.

    TensorFlow would take the lengths of the first batches for those of all.
    """
    if not on_tensorflow():
        return batches
    import tensorflow as tf

    def generate() -> Iterator[Batch]:
        for number in range(len(batches)):
            yield batches[number]

    signature = tf.nest.map_structure(lambda part: tf.TensorSpec((None,) * part.ndim, part.dtype), batches[0])
    stream = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return stream.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(8)


def keras_scorer(model: keras.Model) -> Scorer:
    """Return a function from ids int32 (batch, length) to the model's probabilities float32 (batch, labels)."""
    if not on_tensorflow():
        return lambda ids: np.asarray(model.predict_on_batch(ids))
    import tensorflow as tf

    step = tf.function(lambda ids: model(ids, training=False), input_signature=[tf.TensorSpec((None, None), tf.int32)])
    return lambda ids: np.asarray(step(ids))


@contextmanager
def tensorboard(run: Path) -> Iterator[Callable[[Epoch], None]]:
    """Yield a function that logs an epoch for TensorBoard below `run`; on other backends it does nothing."""
    if not on_tensorflow():
        yield lambda _: None
        return
    import tensorflow as tf

    def log(epoch: Epoch) -> None:
        for name, value in asdict(epoch).items():
            if name != "number":
                tf.summary.scalar(name, value, step=epoch.number)

    with tf.summary.create_file_writer(str(run / "tensorboard")).as_default():
        yield log
