"""POST /predict and POST /predict/batch."""

import unicodedata
from asyncio import sleep
from collections.abc import Sequence
from time import perf_counter
from typing import Annotated, Any

from fastapi import FastAPI, Header
from pydantic import TypeAdapter

from service.admission.entrance import Entrance
from service.documentation import REQUEST_ID_HEADER, documented
from service.errors import (
    BodyTooLargeError,
    DeadlineError,
    DeadlineTooNearError,
    InferenceError,
    InvalidRequestError,
    LimitExceededError,
    NotReadyError,
    OverloadError,
    QueueFullError,
    UnknownModelError,
)
from service.errors.capacity import CapacityError
from service.front import Endpoint
from service.heads import Head
from service.metrics import Metrics
from service.parsing import parse
from service.predictor import Predicted, Predictor
from service.schemas import PredictBatchRequest, Prediction, PredictionBatch, PredictRequest
from service.security.callers import Caller
from service.telemetry.trail import note_stage

_WRITTEN_AT_ONCE = 128
"""Predictions of a batch that are written before others get the event loop again: less than half a millisecond."""

MAX_KEY_BYTES = 256
"""Of the header X-Client-Key."""

ClientKey = Annotated[
    str | None,
    Header(
        max_length=MAX_KEY_BYTES,
        description="Keeps a client at one arm of an experiment; it is never written down, only a code of it.",
    ),
]
RequestTimeout = Annotated[
    str | None,
    Header(
        pattern=r"^[0-9]{1,6}(\.[0-9]{1,6})?$",
        description="Seconds in which an answer is of use; at most, and without it, NUNCHI_REQUEST_TIMEOUT_S.",
        examples=["0.5"],
    ),
]
RequestId = Annotated[
    str | None, Header(description="Names the request in the answer and in logs; one is made if it is absent.")
]


class Predictions:
    """The hot paths: from the bytes of a body to the bytes of an answer, without FastAPI.

    Args:
        predictor: the use case.
        metrics: where stages are timed.
        entrance: decides what is let in and until when it must be answered.
    """

    def __init__(self, predictor: Predictor, metrics: Metrics, entrance: Entrance) -> None:
        self._predictor = predictor
        self._metrics = metrics
        self._entrance = entrance
        self._one = TypeAdapter(PredictRequest)
        self._batch = TypeAdapter(PredictBatchRequest)

    def endpoints(self) -> dict[tuple[str, str], Endpoint]:
        """Return what answers, by method and path."""
        return {("POST", "/predict"): self.predict, ("POST", "/predict/batch"): self.predict_batch}

    async def predict(self, body: bytes, head: Head, caller: Caller) -> bytes:
        """Answer POST /predict."""
        started = perf_counter()
        request = parse(self._one, body)
        self._metrics.parse_s.observe(perf_counter() - started)
        caller.take(1)
        deadline = self._entrance.timeouts.deadline(head)
        try:
            predicted = await self._predictor.predict(request, client_key(head.client_key), deadline)
        except (CapacityError, DeadlineError) as error:
            self._entrance.counters.count(error)
            raise
        started = perf_counter()
        answer = predicted.to_json().encode()
        self._metrics.serialize_s.observe(perf_counter() - started)
        return answer

    async def predict_batch(self, body: bytes, head: Head, caller: Caller) -> bytes:
        """Answer POST /predict/batch."""
        deadline = self._entrance.timeouts.deadline(head)
        try:
            async with self._entrance.batch(len(body), deadline):
                started = perf_counter()
                request = parse(self._batch, body)
                note_stage("parse", started)
                caller.take(len(request.texts))
                return await _written(
                    await self._predictor.predict_batch(request, client_key(head.client_key), deadline)
                )
        except (CapacityError, DeadlineError) as error:
            self._entrance.counters.count(error)
            raise


async def _written(predictions: Sequence[Predicted]) -> bytes:
    """Return the answer to a batch; between its parts others get the event loop."""
    started, parts = perf_counter(), []
    for start in range(0, len(predictions), _WRITTEN_AT_ONCE):
        parts.append(",".join([predicted.to_json() for predicted in predictions[start : start + _WRITTEN_AT_ONCE]]))
        await sleep(0)
    answer = f'{{"predictions":[{",".join(parts)}]}}'.encode()
    note_stage("serialize", started)
    return answer


def client_key(header: bytes | None) -> str | None:
    """Return the key of a client; None if there is none, as when it is empty.

    Raises:
        InvalidRequestError: if it is longer than `MAX_KEY_BYTES`.
    """
    if not header:
        return None
    if len(header) > MAX_KEY_BYTES:
        raise InvalidRequestError(f"X-Client-Key has more than {MAX_KEY_BYTES} bytes", "invalid_field")
    try:
        key = header.decode()
    except UnicodeDecodeError:
        key = header.decode("latin-1")
    return unicodedata.normalize("NFC", key)


def document(app: FastAPI) -> None:
    """Describe the hot paths to FastAPI, which then writes them into its documentation but never sees a request."""
    responses: dict[int | str, Any] = {
        200: {"headers": REQUEST_ID_HEADER},
        **documented(
            UnknownModelError,
            BodyTooLargeError,
            InvalidRequestError,
            QueueFullError,
            OverloadError,
            DeadlineTooNearError,
            LimitExceededError,
            InferenceError,
            NotReadyError,
            DeadlineError,
        ),
    }
    app.post("/predict", tags=["predictions"], responses=responses)(_predict)
    app.post("/predict/batch", tags=["predictions"], responses=responses)(_predict_batch)


def _predict(
    body: PredictRequest,
    x_client_key: ClientKey = None,
    x_request_id: RequestId = None,
    x_request_timeout: RequestTimeout = None,
) -> Prediction:  # pragma: no cover - documentation
    """Score one text.

    Without `model`, the default model answers; with it, its latest version that is ready, or the one named.
    """
    raise NotImplementedError


def _predict_batch(
    body: PredictBatchRequest,
    x_client_key: ClientKey = None,
    x_request_id: RequestId = None,
    x_request_timeout: RequestTimeout = None,
) -> PredictionBatch:  # pragma: no cover - documentation
    """Score 1 to 1,024 texts with the same version of a model.

    One text that cannot be scored is an error for the whole batch; `index` says which.
    """
    raise NotImplementedError
