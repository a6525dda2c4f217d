"""How long the queue may be: as long as a burst needs, much shorter once it does not end.

A queue that never empties is of no use: as many are answered, each of them later, and all that wait hold connections
that lie in no cache when their turn comes. What tells it from a burst is that it stands.

Sources: Nichols and Jacobson 2012, "Controlling Queue Delay", doi:10.1145/2208917.2209336; for requests, Maurer 2015,
"Fail at Scale", doi:10.1145/2838344.2839461.
"""

_STANDING = 0.2
"""The part of the longest wait that is left once the queue has stood for as long as that."""


class Patience:
    """Tells how long a request may have to wait.

    Args:
        longest_wait_s: in a burst, in seconds; also how long a burst may take.
    """

    __slots__ = ("_longest_wait_s", "_since")

    def __init__(self, longest_wait_s: float) -> None:
        self._longest_wait_s = longest_wait_s
        self._since = 0.0

    def begin(self, now: float) -> None:
        """Note that nobody waited until `now`, in seconds of any clock."""
        self._since = now

    def longest_s(self, now: float) -> float:
        """Return how long who comes at `now` may have to wait, in seconds."""
        burst = now - self._since <= self._longest_wait_s
        return self._longest_wait_s if burst else _STANDING * self._longest_wait_s
