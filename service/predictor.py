"""The one use case: a text becomes a prediction."""

import asyncio
from collections.abc import Sequence
from math import inf
from time import perf_counter
from typing import NamedTuple, Protocol

from model_store.encoder import Encoded
from service.batching import BULK_ROWS
from service.errors import EmptyTextError, InferenceError
from service.experiments.live import Part
from service.identifiers import PredictionIds
from service.metrics import Metrics
from service.model import Model
from service.routing import Routed, Router
from service.schemas import PredictBatchRequest, PredictRequest
from service.scoring import Probabilities
from service.telemetry.trail import note_answerer, note_stage

_AT_ONCE = 32
"""Texts of a batch that are encoded, or concluded, before others get the event loop again: half a millisecond."""


class Predicted(NamedTuple):
    """One prediction, by the model that made it.

    Attributes:
        model: the version that answered.
        prediction_id: its opaque name.
        label: the index of the most probable label.
        probabilities: one for each label, in the order of the model's labels.
        encoded: what the model saw of the text.
        part: what the answer is to an experiment; None if nothing.
    """

    model: Model
    prediction_id: str
    label: int
    probabilities: Probabilities
    encoded: Encoded
    part: Part | None

    def to_json(self) -> str:
        """Return it as the API documents it."""
        truncated = self.encoded.truncated
        return self.model.writer.write(self.prediction_id, self.label, self.probabilities, truncated, self.part)


class Observer(Protocol):
    """Takes note of what the arms of an experiment answered, without making anybody wait."""

    def answered(self, routed: Routed, texts: Sequence[str], predicted: Sequence[Predicted]) -> None:
        """Take note of answers; `routed` may be no part of an experiment."""

    def failed(self, routed: Routed, texts: Sequence[str], encoded: Sequence[Encoded], error: InferenceError) -> None:
        """Take note of texts on which the arm that should have answered failed."""


class Predictor:
    """Answers with the models of a registry.

    Args:
        router: finds who answers.
        metrics: where stages are timed.
        ids: names the predictions.
        observer: takes note of what experiments compare.
    """

    def __init__(self, router: Router, metrics: Metrics, ids: PredictionIds, observer: Observer) -> None:
        self._router = router
        self._metrics = metrics
        self._ids = ids
        self._observer = observer

    async def predict(self, request: PredictRequest, client: str | None = None, deadline: float = inf) -> Predicted:
        """Score one text.

        Args:
            request: the text, and who shall answer if that matters.
            client: the key by which an experiment keeps a client at an arm; None leaves it to chance.
            deadline: when it must be answered, in seconds of `perf_counter`.

        Raises:
            EmptyTextError, UnknownModelError, NotReadyError, CapacityError, DeadlineError, InferenceError.
        """
        routed = self._router.route(request.model, request.version, client)
        model = routed.model
        note_answerer(routed, 1)
        with model.batcher.admit(1, deadline):  # no await since the registry was asked: from here on, a swap waits
            started = perf_counter()
            encoded = model.encode(request.text)
            if not encoded.ids:
                raise EmptyTextError
            self._metrics.encode_s.observe(perf_counter() - started)
            try:
                [probabilities] = await model.batcher.submit([encoded.ids], deadline)
            except InferenceError as error:
                self._observer.failed(routed, [request.text], [encoded], error)
                raise
        model.metrics.requests.add()
        predicted = self._concluded(routed, encoded, probabilities)
        self._observer.answered(routed, [request.text], [predicted])
        return predicted

    async def predict_batch(
        self, request: PredictBatchRequest, client: str | None = None, deadline: float = inf
    ) -> list[Predicted]:
        """Score several texts with the same version; the first are scored while the last are still encoded.

        Raises:
            EmptyTextError: with the index of the text; then none is answered.
            UnknownModelError, NotReadyError, CapacityError, InferenceError: as `predict`, but at the deadline nothing:
                whoever waits no longer cancels it.
        """
        routed = self._router.route(request.model, request.version, client)
        model, bulk = routed.model, len(request.texts) > BULK_ROWS
        note_answerer(routed, len(request.texts))
        encoded: list[Encoded] = []
        waiting: list[asyncio.Future[list[Probabilities]]] = []
        with model.batcher.admit(len(request.texts), deadline):  # as in `predict`
            try:
                for start in range(0, len(request.texts), _AT_ONCE):
                    started = perf_counter()
                    part = _encode_all(model, request.texts[start : start + _AT_ONCE], start)
                    note_stage("encode", started, texts=len(part))
                    encoded += part
                    waiting.append(model.batcher.submit([item.ids for item in part], bulk=bulk))
                    await asyncio.sleep(0)
                scored = await asyncio.gather(*waiting)
            except InferenceError as error:
                self._observer.failed(routed, request.texts, encoded, error)
                raise
            finally:
                for future in waiting:
                    future.cancel()  # nothing if it is done; else nobody wants it any more
        model.metrics.requests.add()
        rows = [row for part in scored for row in part]
        predicted: list[Predicted] = []
        for start in range(0, len(rows), _AT_ONCE):
            await asyncio.sleep(0)
            some = slice(start, start + _AT_ONCE)
            predicted += [self._concluded(routed, *each) for each in zip(encoded[some], rows[some], strict=True)]
        self._observer.answered(routed, request.texts, predicted)
        return predicted

    def _concluded(self, routed: Routed, encoded: Encoded, probabilities: Probabilities) -> Predicted:
        """Name the most probable label (the first of equals), and count."""
        model, taking = routed.model, routed.taking
        confidence = max(probabilities)
        label = probabilities.index(confidence)
        model.metrics.record(label, confidence, encoded)
        return Predicted(model, self._ids.new(), label, probabilities, encoded, taking.part if taking else None)


def _encode_all(model: Model, texts: Sequence[str], first: int) -> list[Encoded]:
    encoded = [model.encode(text) for text in texts]
    for offset, item in enumerate(encoded):
        if not item.ids:
            raise EmptyTextError(first + offset)
    return encoded
