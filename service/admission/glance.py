"""A request to predict, read from its bytes before anything else does.

Under overload most requests are refused, and what HTTP's parser, a scope and a task cost for each is then what the
service does instead of answering: with a thousand connections, none of which is in the processor's caches, four times
the cost of this. Only what cannot be misread is read here, one plain request that came in one piece; all else goes the
ordinary way.
"""

import re
from typing import NamedTuple

from service.heads import Head
from service.problems import Header

_PLAIN = re.compile(rb"POST (/predict(?:/batch)?) HTTP/1\.1\r\n(?:[A-Za-z0-9-]+:[\x20-\x7e]*\r\n)+")
_SPECIAL = frozenset({b"transfer-encoding", b"connection", b"upgrade", b"expect"})
_TELLING = _SPECIAL | {b"content-length", b"x-request-id", b"x-request-timeout"}
_KEPT, _KEPT_BYTES = 256, 2048
_DIGITS = 9
"""Of the length of a body that may have come in one piece."""


class Glance(NamedTuple):
    """What was read.

    Attributes:
        path: what is asked for.
        head: of the headers what it takes to refuse it, but for the time.
        size: bytes of the body, all of which are there, at the end.
        headers: all of them, as the parser of HTTP would tell them.
    """

    path: str
    head: Head
    size: int
    headers: tuple[Header, ...]


_kept: dict[bytes, Glance] = {}
"""Of the last heads that were read: clients send the same again and again, but for the names of requests."""


def glance(data: bytes) -> Glance | None:
    """Return what `data` asks for; None unless it is one request to predict, whole, and nothing about it is special.

    Args:
        data: what came on a connection on which nothing was under way.
    """
    end = data.find(b"\r\n\r\n") + 2
    lines = data[:end]
    seen = _kept.get(lines)
    if seen is None:
        seen = _read(lines)
        if seen is None:
            return None
        if seen.head.request_id is None and end < _KEPT_BYTES:
            if len(_kept) == _KEPT:
                _kept.clear()
            _kept[lines] = seen
    return seen if seen.size == len(data) - end - 2 else None


def _read(lines: bytes) -> Glance | None:
    plain = _PLAIN.fullmatch(lines)
    if plain is None:
        return None
    fields = (line.partition(b":") for line in lines.split(b"\r\n")[1:-1])
    headers = tuple((name.lower(), value.lstrip(b" ")) for name, _, value in fields)
    telling = [header for header in headers if header[0] in _TELLING]
    names = {name for name, _ in telling}
    if len(names) < len(telling) or not _SPECIAL.isdisjoint(names):
        return None
    head = Head.of(telling)
    length = head.content_length or b""
    if not length.isdigit() or len(length) > _DIGITS or length != b"%d" % int(length):
        return None
    return Glance(plain[1].decode(), head, int(length), headers)
