"""A published version -> the Keras model that it was exported from."""

import keras

from model_store.layout import StoredVersion
from training.config import TrainingConfig
from training.variants import ModelSpec, build


def keras_model(stored: StoredVersion) -> keras.Model:
    """Build the model of a version anew from the settings in its manifest, and give it the version's weights.

    Raises:
        ValueError: if the settings make a model whose weights have other shapes.
    """
    import tensorflow as tf  # noqa: PLC0415 - only where it is needed: Keras may run on something else

    manifest = stored.manifest
    config = TrainingConfig(**manifest.provenance["settings"])
    model = build(ModelSpec(config, manifest.encoder.size, len(manifest.labels)))
    model.set_weights([weight.numpy() for weight in tf.saved_model.load(str(stored.path)).weights])
    return model
