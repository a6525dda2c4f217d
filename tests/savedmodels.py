"""Publishes tiny SavedModels, with or without their fused graph, for tests that run TensorFlow."""

from pathlib import Path

from model_store.layout import VersionRef, staging
from tests.versions import CHARACTERS, Shape, publish_staged, random_weights


def publish_saved_model(store: Path, name: str = "gru", shape: Shape | None = None, reason: str = "") -> VersionRef:
    """Publish a version whose SavedModel computes what its fused graph does; with a `reason`, without that graph."""
    shape = shape or Shape(max_tokens=64)
    with staging(store) as staged:
        save_gru(staged, shape)
        return publish_staged(staged, store, name, shape, reason)


def save_gru(path: Path, shape: Shape) -> None:
    """Write the network of `versions.gru_graph` as a SavedModel with the signature ids -> probabilities."""
    import keras
    import tensorflow as tf

    weights = random_weights(len(set(CHARACTERS)) + 2, shape)
    embedding = keras.layers.Embedding(*weights["E"].shape, mask_zero=True)
    gru = keras.layers.GRU(shape.units, reset_after=True, use_cudnn=False)
    output = keras.layers.Dense(len(shape.labels), activation="softmax")
    network = keras.Sequential([keras.Input((None,), dtype="int32"), embedding, gru, output])
    embedding.set_weights([weights["E"]])
    gru.set_weights([weights["W"][0].T, weights["R"][0].T, weights["B"].reshape(2, -1)])
    output.set_weights([weights["D"], weights["d"]])

    module = tf.Module()
    module.kept = [variable.value for variable in network.variables]
    module.serve = tf.function(
        lambda ids: {"probabilities": network(ids, training=False)},
        input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")],
        autograph=False,
    )
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
