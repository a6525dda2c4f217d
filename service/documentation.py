"""What `/openapi.json` says of problems and of bodies that routes read themselves: FastAPI does not know of them."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from service.errors import (
    CrossSiteError,
    ForbiddenError,
    MalformedRequestError,
    MisdirectedError,
    ServiceError,
    UnauthorizedError,
)
from service.problems import MEDIA_TYPE
from service.schemas import Problem
from service.security.scopes import needed

REQUEST_ID_HEADER = {"X-Request-ID": {"description": "The name of the request.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}}
_REF = "#/components/schemas/{model}"
_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
"""Schemas of answers that we never give."""

_WITH_RETRY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def documented(*errors: type[ServiceError]) -> dict[int | str, Any]:
    """Return the problems of a route, by status; those of one status stand together."""
    titles: dict[HTTPStatus, list[str]] = {}
    for error in errors:
        titles.setdefault(error.status, []).append(error.title.lower())
    return {
        int(status): {
            "description": f"{status.phrase}: {', '.join(names)}",
            "model": Problem,
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
            "headers": REQUEST_ID_HEADER | (_RETRY_AFTER if status in _WITH_RETRY else {}),
        }
        for status, names in titles.items()
    }


def taking(body: type[BaseModel]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that reads such a body itself."""
    schema = body.model_json_schema(ref_template=_REF)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key; only where the service asks for keys."},
    "basic": {"type": "http", "scheme": "basic", "description": "The same for browsers: the key is the password."},
}
_OF_EVERY_ROUTE = documented(MalformedRequestError)
_OF_GUARDED_ROUTES = documented(UnauthorizedError, ForbiddenError, CrossSiteError, MisdirectedError)


class DocumentedFastAPI(FastAPI):
    """FastAPI, but a problem is `application/problem+json` and nothing else, and every schema has its own place."""

    _written: bytes | None = None

    def setup(self) -> None:
        """Serve the page as it was written once.

        To write it takes milliseconds, in which nobody else is answered; and clients that do not read it hold one copy
        between them rather than 100 kB each.
        """
        if self.openapi_url:
            self.add_route(self.openapi_url, self._answer, include_in_schema=False)

    async def _answer(self, _: Request) -> Response:
        if self._written is None:
            self._written = bytes(JSONResponse(self.openapi()).body)
        return Response(self._written, media_type="application/json")

    def openapi(self) -> dict[str, Any]:
        """Return the page, made once."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        page = super().openapi()
        schemas = page["components"]["schemas"]
        page["components"]["securitySchemes"] = _SCHEMES
        for path, operations in page["paths"].items():
            for method, operation in operations.items():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    content["schema"] = _moved(content["schema"], schemas)
                _correct(operation["responses"])
                _guard(operation, needed(method.upper(), path))
        for name in _FASTAPIS_OWN:
            schemas.pop(name, None)
        return page


def _guard(operation: dict[str, Any], scopes: Collection[str]) -> None:
    """Say who may ask, where keys are asked for, and what the others are told."""
    refusals = _OF_EVERY_ROUTE
    if scopes:
        refusals = refusals | _OF_GUARDED_ROUTES
        operation["security"] = [{scheme: sorted(scopes)} for scheme in _SCHEMES]
    for status, response in refusals.items():
        operation["responses"].setdefault(str(status), {name: response[name] for name in response if name != "model"})


def _correct(responses: dict[str, Any]) -> None:
    """Leave to problems the one media type they have, and leave out those that never come."""
    for status, response in list(responses.items()):
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            content.pop("application/json", None)
        elif int(status) == HTTPStatus.UNPROCESSABLE_ENTITY:
            del responses[status]  # FastAPI adds it wherever a path has a name in it, which any string may be


def _moved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put a schema among the others, and return a reference to it."""
    if "$ref" in schema:
        return schema
    schemas |= schema.pop("$defs", {})
    schemas[schema["title"]] = schema
    return {"$ref": _REF.format(model=schema["title"])}
