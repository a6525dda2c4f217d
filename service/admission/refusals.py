"""Refusals as answers, made once for each kind: a refused request costs no more than putting its name in."""

from typing import NamedTuple

from service.errors import DeadlineError
from service.errors.capacity import CapacityError
from service.problems import Answer, problem

_NAME = "\ue000"
"""Stands for the name of the request; no text of ours holds it."""


class Refused(NamedTuple):
    """The answer to a refused request as bytes: the status line with all headers but the server's own; the body."""

    lines: bytes
    body: bytes


class Refusal:
    """The answer to one kind of refused request, without the name of one.

    Args:
        error: what it says; its `retry_after_s` too.
    """

    def __init__(self, error: CapacityError | DeadlineError) -> None:
        self._status, self._headers, body = problem(error, _NAME)
        self._before, self._after = body.split(_NAME.encode())
        self._length = len(self._before) + len(self._after)
        fixed = Answer(self._status, self._headers, b"").all_headers("")
        lines = [b"%b: %b\r\n" % header for header in fixed if header[0] not in (b"content-length", b"x-request-id")]
        self._lines = b"HTTP/1.1 %d %b\r\n%b" % (self._status, error.status.phrase.encode(), b"".join(lines))

    def answer(self, request_id: str) -> Answer:
        """Return that of `problems.problem`, at a fifth of its cost."""
        return Answer(self._status, self._headers, self._body(request_id.encode()))

    def message(self, request_id: str) -> Refused:
        """Return it as bytes, at a tenth of the cost."""
        name = request_id.encode()
        lines = b"%bcontent-length: %d\r\nx-request-id: %b\r\n" % (self._lines, self._length + len(name), name)
        return Refused(lines, self._body(name))

    def _body(self, name: bytes) -> bytes:
        return b"%b%b%b" % (self._before, name, self._after)


_made: dict[tuple[str, int | None], Refusal] = {}
"""By kind and by the seconds after which to come back, of which there are sixty."""


def refusal(error: CapacityError | DeadlineError) -> Refusal:
    """Return the refusal that says what an error says."""
    key = error.slug, error.retry_after_s
    made = _made.get(key)
    if made is None:
        made = _made[key] = Refusal(error)
    return made
