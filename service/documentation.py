"""What `/openapi.json` says of problems, which FastAPI cannot say by itself."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from service.errors import ServiceError
from service.problems import MEDIA_TYPE
from service.schemas import Problem

REQUEST_ID_HEADER = {"X-Request-ID": {"description": "The name of the request.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}}
_WITH_RETRY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def documented(*errors: type[ServiceError]) -> dict[int | str, Any]:
    """Return the problems of a route, by status."""
    return {
        int(error.status): {
            "description": f"{error.status.phrase}: {error.title.lower()}",
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            "headers": REQUEST_ID_HEADER | (_RETRY_AFTER if error.status in _WITH_RETRY else {}),
        }
        for error in errors
    }


class DocumentedFastAPI(FastAPI):
    """FastAPI, but a problem is `application/problem+json` and nothing else."""

    def openapi(self) -> dict[str, Any]:
        """Return the page, made once."""
        page = super().openapi()
        for path in page["paths"].values():
            for operation in path.values():
                for response in operation["responses"].values():
                    content = response.get("content", {})
                    if MEDIA_TYPE in content:
                        content.pop("application/json", None)
        return page
