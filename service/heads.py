"""What the service reads of the headers of a request."""

from collections.abc import Sequence
from typing import NamedTuple

_ONCE = (b"host", b"authorization", b"origin", b"sec-fetch-site")


class Head(NamedTuple):
    """The headers that matter, as received; None for each that is absent, the last of several.

    Attributes:
        content_length: bytes of the body, as declared.
        request_id: what the caller would like the request to be called.
        client_key: by which an experiment keeps a client at an arm.
        host: the name under which the service was asked.
        authorization: what shows that the caller may ask.
        origin: the site of the page that made a browser send this.
        fetch_site: what that site is to this one, as browsers say in Sec-Fetch-Site.
    """

    content_length: bytes | None = None
    request_id: bytes | None = None
    client_key: bytes | None = None
    host: bytes | None = None
    authorization: bytes | None = None
    origin: bytes | None = None
    fetch_site: bytes | None = None

    @classmethod
    def of(cls, headers: Sequence[tuple[bytes, bytes]]) -> "Head":
        """Read the headers of an ASGI scope, whose names are in lower case."""
        found = dict(headers)
        if len(found) < len(headers):
            found |= _ambiguous(headers)
        value = found.get
        return cls(
            value(b"content-length"),
            value(b"x-request-id"),
            value(b"x-client-key"),
            value(b"host"),
            value(b"authorization"),
            value(b"origin"),
            value(b"sec-fetch-site"),
        )


def _ambiguous(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return, without a value, those that decide who asks whom and came more than once: no two readers may differ."""
    names = [name for name, _ in headers]
    return {name: b"" for name in _ONCE if names.count(name) > 1}
