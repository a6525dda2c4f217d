"""The one use case: a text becomes a prediction."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

from model_store.encoder import Encoded
from service.errors import EmptyTextError, NotReadyError, UnknownModelError
from service.identifiers import PredictionIds
from service.metrics import Metrics
from service.model import Model
from service.registry import Registry
from service.schemas import PredictBatchRequest, PredictRequest
from service.scoring import Probabilities
from service.traffic import assign

_ENCODED_AT_ONCE = 32
"""Texts of a batch that are encoded before others get the event loop again: less than a millisecond."""


class Predicted(NamedTuple):
    """One prediction, by the model that made it.

    Attributes:
        model: the version that answered.
        prediction_id: its opaque name.
        label: the index of the most probable label.
        probabilities: one for each label, in the order of the model's labels.
        encoded: what the model saw of the text.
    """

    model: Model
    prediction_id: str
    label: int
    probabilities: Probabilities
    encoded: Encoded

    def to_json(self) -> str:
        """Return it as the API documents it."""
        return self.model.writer.write(self.prediction_id, self.label, self.probabilities, self.encoded.truncated)


class Predictor:
    """Answers with the models of a registry.

    Args:
        registry: the versions that are served.
        metrics: where stages are timed.
        default_model: what answers when a request names none.
        ids: names the predictions.
    """

    def __init__(self, registry: Registry, metrics: Metrics, default_model: str, ids: PredictionIds) -> None:
        self._registry = registry
        self._metrics = metrics
        self._default_model = default_model
        self._ids = ids

    async def predict(self, request: PredictRequest) -> Predicted:
        """Score one text.

        Raises:
            EmptyTextError, UnknownModelError, NotReadyError, QueueFullError, InferenceError.
        """
        model = self._model_for(request)
        with model.batcher.admit(1):  # no await since the registry was asked: from here on, a swap waits for us
            started = perf_counter()
            encoded = model.encode(request.text)
            if not encoded.ids:
                raise EmptyTextError
            self._metrics.encode_s.observe(perf_counter() - started)
            [probabilities] = await model.batcher.submit([encoded.ids])
        model.metrics.requests.add()
        return self._concluded(model, encoded, probabilities)

    async def predict_batch(self, request: PredictBatchRequest) -> list[Predicted]:
        """Score several texts with the same version; the first are scored while the last are still encoded.

        Raises:
            EmptyTextError: with the index of the text; then none is answered.
            UnknownModelError, NotReadyError, QueueFullError, InferenceError: as `predict`.
        """
        model = self._model_for(request)
        encoded: list[Encoded] = []
        waiting: list[asyncio.Future[list[Probabilities]]] = []
        with model.batcher.admit(len(request.texts)):  # as in `predict`
            try:
                for start in range(0, len(request.texts), _ENCODED_AT_ONCE):
                    part = _encode_all(model, request.texts[start : start + _ENCODED_AT_ONCE], start)
                    encoded += part
                    waiting.append(model.batcher.submit([item.ids for item in part]))
                    await asyncio.sleep(0)
                scored = await asyncio.gather(*waiting)
            finally:
                for future in waiting:
                    future.cancel()  # nothing if it is done; else nobody wants it any more
        model.metrics.requests.add()
        rows = [row for part in scored for row in part]
        return [self._concluded(model, item, row) for item, row in zip(encoded, rows, strict=True)]

    def _model_for(self, request: PredictRequest | PredictBatchRequest) -> Model:
        assignment = assign(request.model, request.version, self._default_model)
        try:
            return self._registry.get(assignment.model, assignment.version)
        except UnknownModelError as error:
            if request.model is None:
                raise NotReadyError("the default model is not served; GET /models says why") from error
            raise

    def _concluded(self, model: Model, encoded: Encoded, probabilities: Probabilities) -> Predicted:
        """Name the most probable label (the first of equals), and count."""
        confidence = max(probabilities)
        label = probabilities.index(confidence)
        model.metrics.record(label, confidence, encoded)
        return Predicted(model, self._ids.new(), label, probabilities, encoded)


def _encode_all(model: Model, texts: Sequence[str], first: int) -> list[Encoded]:
    encoded = [model.encode(text) for text in texts]
    for offset, item in enumerate(encoded):
        if not item.ids:
            raise EmptyTextError(first + offset)
    return encoded
