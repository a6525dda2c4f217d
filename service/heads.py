"""What the service reads of the headers of a request."""

from collections.abc import Iterable
from typing import NamedTuple


class Head(NamedTuple):
    """The headers that matter, as received; None for each that is absent, the last of several.

    Attributes:
        content_length: bytes of the body, as declared.
        request_id: what the caller would like the request to be called.
        client_key: by which an experiment keeps a client at an arm.
    """

    content_length: bytes | None = None
    request_id: bytes | None = None
    client_key: bytes | None = None

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Head":
        """Read the headers of an ASGI scope, whose names are in lower case."""
        value = dict(headers).get
        return cls(value(b"content-length"), value(b"x-request-id"), value(b"x-client-key"))
