"""Reads the body of a request to a plain route: within the limit, whatever its Content-Type, told what is wrong."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, TypeAdapter

from service.errors import RejectedReason, ServiceError
from service.front import read_body
from service.parsing import parse

Body = TypeVar("Body", bound=BaseModel)

Refused = Callable[[RejectedReason], None]
"""Counts a body that was not taken."""


def reader(body: type[Body], max_bytes: int, refused: Refused) -> Callable[[Request], Awaitable[Body]]:
    """Return a dependency that gives the body of a request.

    FastAPI would read a body of any size, ask for a Content-Type, and name problems in another way than the hot paths.

    Args:
        body: what it should be.
        max_bytes: the most that are read.
        refused: told of every body that was not taken.

    Raises (the dependency):
        BodyTooLargeError, InvalidRequestError.
    """
    adapter = TypeAdapter(body)

    async def read(request: Request) -> Body:
        try:
            declared = next((value for name, value in request.scope["headers"] if name == b"content-length"), None)
            return parse(adapter, await read_body(request.receive, declared, max_bytes))
        except ServiceError as error:
            if error.reason is not None:
                refused(error.reason)
            raise

    return read
