"""Refusals as answers, made once for each kind: a refused request costs no more than putting its name in."""

from service.errors import DeadlineError
from service.errors.capacity import CapacityError
from service.problems import Answer, Header, problem

_NAME = "\ue000"
"""Stands for the name of the request; no text of ours holds it."""


class Refusal:
    """The answer to one kind of refused request, without the name of one.

    Args:
        error: what it says; its `retry_after_s` too.

    Attributes:
        error: the same.
    """

    def __init__(self, error: CapacityError | DeadlineError) -> None:
        self.error = error
        self._status, self._headers, body = problem(error, _NAME)
        self._before, self._after = body.split(_NAME.encode())
        self._length = len(self._before) + len(self._after)
        fixed = Answer(self._status, self._headers, b"").all_headers("")
        lines = [b"%b: %b\r\n" % header for header in fixed if header[0] not in (b"content-length", b"x-request-id")]
        self._lines = b"HTTP/1.1 %d %b\r\n%b" % (self._status, error.status.phrase.encode(), b"".join(lines))
        self._own: list[Header] | None = None
        self._start = b""

    def answer(self, request_id: str) -> Answer:
        """Return that of `problems.problem`, at a fifth of its cost."""
        name = request_id.encode()
        return Answer(self._status, self._headers, b"".join((self._before, name, self._after)))

    def message(self, request_id: str, own: list[Header]) -> bytes:
        """Return it as it is sent, at a twentieth of the cost.

        Args:
            request_id: the name of the request.
            own: the server's own headers: the same list until they change, as once a second they do.
        """
        if own is not self._own:
            self._own = own
            self._start = b"%b%bcontent-length: " % (self._lines, b"".join(b"%b: %b\r\n" % header for header in own))
        name = request_id.encode()
        length = b"%d\r\nx-request-id: " % (self._length + len(name))
        return b"".join((self._start, length, name, b"\r\n\r\n", self._before, name, self._after))


_made: dict[tuple[str, int | None], Refusal] = {}
"""By kind and by the seconds after which to come back, of which there are sixty."""


def refusal(error: CapacityError | DeadlineError) -> Refusal:
    """Return the refusal that says what an error says."""
    key = error.slug, error.retry_after_s
    made = _made.get(key)
    if made is None:
        made = _made[key] = Refusal(error)
    return made
