"""POST /compare."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from service.comparing import Compared, Comparer, consensus
from service.documentation import REQUEST_ID_HEADER, documented, taking
from service.errors import (
    BodyTooLargeError,
    EmptyTextError,
    InferenceError,
    InvalidRequestError,
    LimitExceededError,
    NotReadyError,
    QueueFullError,
    UnknownModelError,
)
from service.routes.bodies import Refused, reader
from service.schemas_comparison import Agreement, ComparedModel, CompareRequest, Comparison

_RESPONSES = {200: {"headers": REQUEST_ID_HEADER}} | documented(
    UnknownModelError,
    BodyTooLargeError,
    InvalidRequestError,
    EmptyTextError,
    QueueFullError,
    LimitExceededError,
    InferenceError,
    NotReadyError,
)


def router(comparer: Comparer, max_body_bytes: int, refused: Refused) -> APIRouter:
    """Return the route that sets models side by side."""
    routes = APIRouter(tags=["predictions"])
    read = reader(CompareRequest, max_body_bytes, refused)

    @routes.post("/compare", responses=_RESPONSES, openapi_extra=taking(CompareRequest))
    async def compare(request: Request, body: Annotated[CompareRequest, Depends(read)]) -> Comparison:
        """Score one text with several models, side by side.

        Meant for a person who looks: nothing of it is counted as an answer of a model, and nothing is stored.
        """
        compared = await comparer.compare(body, request.scope["caller"])
        most = consensus(compared)
        agreement = Agreement(label=most.label, share=round(most.share, 6), unanimous=most.share == 1)
        return Comparison(models=[_shown(item) for item in compared], agreement=agreement)

    return routes


def _shown(compared: Compared) -> ComparedModel:
    ref, labels = compared.model.ref, compared.model.stored.manifest.labels
    scores = [round(probability, 6) for probability in compared.probabilities]
    return ComparedModel(
        model=ref.name,
        version=ref.version,
        label=compared.label,
        score=max(scores),
        scores=dict(zip(labels, scores, strict=True)),
        time_ms=round(compared.seconds * 1e3, 3),
        truncated=compared.encoded.truncated,
        uncertain=compared.uncertain,
        tokens=len(compared.encoded.ids),
        unknown_tokens=compared.encoded.unknown,
    )
