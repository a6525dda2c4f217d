"""One file per resource; they translate HTTP and do nothing else."""

from http import HTTPStatus
from typing import Any

from service.errors import ServiceError
from service.problems import MEDIA_TYPE
from service.schemas import Problem

REQUEST_ID_HEADER = {"X-Request-ID": {"description": "The name of the request.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}}


def documented(*errors: type[ServiceError], retry: frozenset[int] = frozenset({429, 503})) -> dict[int | str, Any]:
    """Return the problems of a route, by status, as the documentation shows them."""
    return {
        int(error.status): {
            "description": f"{HTTPStatus(error.status).phrase}: {error.title.lower()}",
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            "headers": REQUEST_ID_HEADER | (_RETRY_AFTER if error.status in retry else {}),
        }
        for error in errors
    }
