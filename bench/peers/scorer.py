"""The version that the peers serve: its own encoder and the SavedModel's own signature."""

import os
from collections.abc import Sequence
from pathlib import Path

from model_store.golden import pad
from model_store.layout import VersionRef, verify

PORT = int(os.environ.get("BENCH_PORT", "0"))
VERSION = Path(os.environ.get("BENCH_VERSION", ""))


class Encoder:
    """Texts to ids, as the service makes them."""

    def __init__(self) -> None:
        self.stored = verify(VERSION.parent.parent, VersionRef(VERSION.parent.name, int(VERSION.name)))
        self._encoder = self.stored.load_encoder()

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""
        return self._encoder.encode(text, self.stored.manifest.max_tokens).ids


class Scorer:
    """The SavedModel in TensorFlow, called by its signature `serving_default`, with TensorFlow's own settings."""

    def __init__(self) -> None:
        import tensorflow  # noqa: PLC0415 - in the process that scores, not in the one that starts it

        self._tensorflow = tensorflow
        self._encoder = Encoder()
        self._loaded = tensorflow.saved_model.load(str(VERSION))
        self._signature = self._loaded.signatures["serving_default"]

    def score(self, texts: Sequence[str]) -> list[list[float]]:
        """Return the probabilities of each text; all are scored in one call, padded to the longest and no further."""
        ids = pad([self._encoder.encode(text) for text in texts])
        probabilities: list[list[float]] = (
            self._signature(ids=self._tensorflow.constant(ids))["probabilities"].numpy().tolist()
        )
        return probabilities
