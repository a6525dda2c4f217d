"""Who asks, and what they may still have."""

from service.errors import LimitExceededError
from service.security.limiting import Bucket
from service.tallies import Counter


class Caller:
    """Who asks.

    Args:
        bucket: what the texts to score are taken from; None without a limit.
        refused: counts requests for more.
        name: of the key; None without one.
    """

    __slots__ = ("_bucket", "_refused", "name")

    def __init__(self, bucket: Bucket | None = None, refused: Counter | None = None, name: str | None = None) -> None:
        self.name = name
        self._bucket = bucket
        self._refused = refused

    def take(self, texts: int) -> None:
        """Count texts that are to be scored.

        Raises:
            LimitExceededError: if they are more than this caller may have now; none is counted then.
        """
        if self._bucket is not None and (wait_s := self._bucket.take(texts)):
            if self._refused is not None:
                self._refused.add()
            raise LimitExceededError(self._bucket.limit.words, wait_s)


ANYONE = Caller()
"""Whoever asks where no keys are asked for."""
