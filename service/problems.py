"""Errors as answers: `application/problem+json` (RFC 9457)."""

import json
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.errors import InvalidRequestError, ServiceError, UnknownRouteError, WrongMethodError
from service.security.headers import NOSNIFF
from service.telemetry.trail import note_problem

Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
MEDIA_TYPE = "application/problem+json"


class Answer(NamedTuple):
    """A status, headers and a body."""

    status: int
    headers: list[Header]
    body: bytes

    def all_headers(self, request_id: str) -> list[Header]:
        """Return its headers with those that every answer has."""
        return [
            *self.headers,
            NOSNIFF,
            (b"content-length", b"%d" % len(self.body)),
            (b"x-request-id", request_id.encode()),
        ]


def urn(error: ServiceError) -> str:
    """Return the name of a kind of problem."""
    return f"urn:nunchi:problem:{error.slug}"


def problem(error: ServiceError, request_id: str) -> Answer:
    """Return the answer that stands for an error."""
    content: dict[str, Any] = {
        "type": urn(error),
        "title": error.title,
        "status": int(error.status),
        "detail": str(error),
        "request_id": request_id,
    }
    if error.index is not None:
        content["index"] = error.index
    if error.report is not None:
        content["report"] = error.report
    headers: list[Header] = [(b"content-type", MEDIA_TYPE.encode()), *error.headers]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    return Answer(int(error.status), headers, json.dumps(content, ensure_ascii=False).encode())


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer any error that reaches FastAPI; what is not ours is a 500 that says no more than that."""
    ours = as_ours(error)
    note_problem(ours.slug)
    answer = problem(ours, request.scope["request_id"])
    response = Response(answer.body, answer.status)
    response.raw_headers[:] = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    return response


def as_ours(error: Exception) -> ServiceError:
    """Return the error of ours that stands for any that reaches FastAPI."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return InvalidRequestError(f"{first['loc'][-1]}: {first['msg']}", "invalid_field")
    if isinstance(error, HTTPException) and error.status_code == 404:
        return UnknownRouteError()
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "other methods")
        return WrongMethodError("GET, HEAD" if allowed == "GET" else allowed)  # the front answers HEAD
    return ServiceError("the service failed; the event was logged")
