"""POST /feedback and POST /feedback/batch."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from service.documentation import REQUEST_ID_HEADER, documented, taking
from service.errors import (
    BodyTooLargeError,
    ConflictingLabelError,
    ExpiredPredictionError,
    InvalidRequestError,
    NotReadyError,
    ServiceError,
    StoreUnavailableError,
    UnknownLabelError,
    UnknownPredictionError,
)
from service.feedback import Accepted, Feedback
from service.problems import urn
from service.routes.bodies import reader
from service.schemas_feedback import (
    FeedbackAnswer,
    FeedbackBatchAnswer,
    FeedbackBatchRequest,
    FeedbackRequest,
    FeedbackStatus,
)

_STATUS: dict[Accepted, HTTPStatus] = {"accepted": HTTPStatus.ACCEPTED, "same": HTTPStatus.OK}

_OF_ONE: dict[int | str, Any] = {
    200: {"headers": REQUEST_ID_HEADER, "description": "This source had said so before; nothing changed"},
    202: {"headers": REQUEST_ID_HEADER, "description": "The label is kept", "model": FeedbackAnswer},
    **documented(
        UnknownPredictionError,
        ConflictingLabelError,
        ExpiredPredictionError,
        BodyTooLargeError,
        InvalidRequestError,
        UnknownLabelError,
        StoreUnavailableError,
        NotReadyError,
    ),
}
_OF_SEVERAL = {200: {"headers": REQUEST_ID_HEADER}, **documented(BodyTooLargeError, InvalidRequestError)}


def router(feedback: Feedback, max_body_bytes: int, invalid: Callable[[], None]) -> APIRouter:
    """Return the routes that take labels; `invalid` counts a body that was not understood."""
    routes = APIRouter(tags=["experiments"])
    one = reader(FeedbackRequest, max_body_bytes, lambda _: invalid())
    several = reader(FeedbackBatchRequest, max_body_bytes, lambda _: invalid())

    @routes.post("/feedback", responses=_OF_ONE, openapi_extra=taking(FeedbackRequest))
    async def give(response: Response, body: Annotated[FeedbackRequest, Depends(one)]) -> FeedbackAnswer:
        """Say what the text of a prediction truly is.

        Once it is answered the label is kept for good. It may come before the prediction itself is in the store.
        """
        result = await feedback.give(body)
        response.status_code = _STATUS[result]
        return FeedbackAnswer(result=result)

    @routes.post("/feedback/batch", responses=_OF_SEVERAL, openapi_extra=taking(FeedbackBatchRequest))
    async def give_all(body: Annotated[FeedbackBatchRequest, Depends(several)]) -> FeedbackBatchAnswer:
        """Say so of 1 to 1,000 predictions; each label gets the status that it would get alone."""
        return FeedbackBatchAnswer(items=[_status(outcome) for outcome in await feedback.give_all(body.items)])

    return routes


def _status(outcome: Accepted | ServiceError) -> FeedbackStatus:
    if isinstance(outcome, ServiceError):
        return FeedbackStatus(status=outcome.status, type=urn(outcome), detail=str(outcome))
    return FeedbackStatus(status=_STATUS[outcome])
