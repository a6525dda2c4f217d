"""Answers as they stand on the wire, where a connection has to give one without the application."""

from collections.abc import Iterable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.problems import Answer, Header
from service.security.headers import NOSNIFF


def last_answer(answer: Answer, request_id: str, more: Iterable[Header]) -> bytes:
    """Return an answer after which the connection ends.

    Args:
        answer: status, headers and body.
        request_id: how the request is called.
        more: headers of every answer.
    """
    headers = [
        *more,
        *answer.headers,
        NOSNIFF,
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"%b%b\r\n%b" % (STATUS_LINE[answer.status], lines, answer.body)
