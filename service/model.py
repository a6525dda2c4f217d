"""A version in memory: everything that answering with it takes."""

from dataclasses import dataclass

from model_store.encoder import Encoded, TextEncoder
from model_store.layout import StoredVersion, VersionRef
from service.answers import PredictionWriter
from service.batching import Batcher
from service.engines import Engine
from service.metrics import ModelMetrics


@dataclass(frozen=True, slots=True)
class Model:
    """A version that was verified, loaded, proven on its golden examples and warmed.

    Attributes:
        stored: where it lies and what its manifest says.
        encoder: turns a text into ids.
        max_tokens: how many ids the engine is given.
        engine: scores rows of ids; only `batcher` calls it.
        batcher: the queue in front of the engine.
        metrics: its counters and histograms.
        writer: writes its predictions.
    """

    stored: StoredVersion
    encoder: TextEncoder
    max_tokens: int
    engine: Engine
    batcher: Batcher
    metrics: ModelMetrics
    writer: PredictionWriter

    @property
    def ref(self) -> VersionRef:
        """Its name and number."""
        return self.stored.ref

    def encode(self, text: str) -> Encoded:
        """Return the ids that the engine is given for `text`; none if it is all blanks."""
        return self.encoder.encode(text, self.max_tokens)
