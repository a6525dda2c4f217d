"""POST /explain."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.documentation import REQUEST_ID_HEADER, documented, taking
from service.errors import (
    BodyTooLargeError,
    EmptyTextError,
    ExplanationsBusyError,
    ExplanationTimeoutError,
    InferenceError,
    InvalidRequestError,
    LimitExceededError,
    NotExplainableError,
    NotReadyError,
    QueueFullError,
    UnknownModelError,
)
from service.explain.explaining import Explainer
from service.routes.bodies import Refused, reader
from service.schemas_explanation import ExplainRequest, Explanation

_RESPONSES = {200: {"headers": REQUEST_ID_HEADER, "model": Explanation}} | documented(
    UnknownModelError,
    BodyTooLargeError,
    InvalidRequestError,
    EmptyTextError,
    NotExplainableError,
    QueueFullError,
    LimitExceededError,
    ExplanationsBusyError,
    InferenceError,
    NotReadyError,
    ExplanationTimeoutError,
)


def router(explainer: Explainer, max_body_bytes: int, refused: Refused) -> APIRouter:
    """Return the route that shows why models say what they say."""
    routes = APIRouter(tags=["predictions"])
    read = reader(ExplainRequest, max_body_bytes, refused)

    @routes.post("/explain", responses=_RESPONSES, openapi_extra=taking(ExplainRequest), response_class=Response)
    async def explain(request: Request, body: Annotated[ExplainRequest, Depends(read)]) -> Response:
        """Show why models say what they say of a text: word by word, step by step, gate by gate.

        Meant for a person who looks: nothing of it is counted as an answer of a model, and nothing is stored.
        """
        return Response(await explainer.explain(body, request.scope["caller"]), media_type="application/json")

    return routes
