"""What the service reads of the headers of a request."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

Headers = Sequence[tuple[bytes, bytes]]
"""As in an ASGI scope: names in lower case."""

_ONCE = (b"host", b"authorization", b"origin", b"sec-fetch-site", b"traceparent")
_JOINED = b"tracestate"


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
        traceparent: of which trace the request is a part, and of which span of it.
        tracestate: what goes with it; several are one.
        request_timeout: seconds in which the caller needs an answer.
        arrived: when the headers were there, in seconds of `perf_counter`; `inf` if nobody looked at the clock.
    """

    content_length: bytes | None = None
    request_id: bytes | None = None
    client_key: bytes | None = None
    host: bytes | None = None
    authorization: bytes | None = None
    origin: bytes | None = None
    fetch_site: bytes | None = None
    traceparent: bytes | None = None
    tracestate: bytes | None = None
    request_timeout: bytes | None = None
    arrived: float = inf

    @classmethod
    def of(cls, headers: Headers, arrived: float = inf) -> "Head":
        """Read the headers of an ASGI scope."""
        found = dict(headers)
        if len(found) < len(headers):
            found |= _repeated(headers)
        value = found.get
        return cls(
            value(b"content-length"),
            value(b"x-request-id"),
            value(b"x-client-key"),
            value(b"host"),
            value(b"authorization"),
            value(b"origin"),
            value(b"sec-fetch-site"),
            value(b"traceparent"),
            value(b"tracestate"),
            value(b"x-request-timeout"),
            arrived,
        )


def _repeated(headers: Headers) -> dict[bytes, bytes]:
    """Return what becomes of headers that came more than once.

    Those that decide who asks whom, or for whom, have no value then: no two readers may differ.
    """
    names = [name for name, _ in headers]
    without = {name: b"" for name in _ONCE if names.count(name) > 1}
    joined = [value for name, value in headers if name == _JOINED]
    return {**without, _JOINED: b",".join(joined)} if joined else without
