"""When a request must be answered: its client's wish, within what the operator allows."""

import re
from functools import lru_cache

from service.errors import InvalidRequestError
from service.heads import Head

_SECONDS = re.compile(rb"[0-9]{1,6}(\.[0-9]{1,6})?")


class Timeouts:
    """Gives requests their deadlines.

    Args:
        longest_s: the most time that a request may take, in seconds; that of requests which wish for nothing.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s

    def deadline(self, head: Head) -> float:
        """Return the moment, in seconds of `perf_counter`, at which a request has to be answered.

        Raises:
            InvalidRequestError: if its wish is not a number of seconds above zero.
        """
        return head.arrived + self.seconds(head.request_timeout)

    def seconds(self, wish: bytes | None) -> float:
        """Return how long a request may take.

        Raises:
            InvalidRequestError: as `deadline`.
        """
        if wish is None:
            return self._longest_s
        seconds = _number(wish)
        if not seconds:
            raise InvalidRequestError("X-Request-Timeout is no number of seconds, such as 0.5", "invalid_field")
        return min(seconds, self._longest_s)


@lru_cache(maxsize=256)
def _number(wish: bytes) -> float:
    """Return the seconds that are wished for, 0 if it is no such number; clients wish for the same again and again."""
    return float(wish) if _SECONDS.fullmatch(wish) else 0.0
