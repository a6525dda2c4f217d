"""Large batches: a few of them at a time work on the event loop, in the order in which they came.

All of them at once would take the loop from single texts for the sum of their slices, and none would be done sooner.
What waits here holds its body and nothing else.
"""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from service.admission.pace import Pace
from service.errors import DeadlineTooNearError, OverloadError
from service.errors.capacity import CapacityError

LARGE_BYTES = 4096
"""Batches with longer bodies are large: more than some thirty reviews."""

_AT_ONCE = 4
"""One that is encoded, one that is scored, one that is written, and one to spare."""

_PATIENCE = 4
"""How many times as long as a single text a large batch may wait."""

_BYTE_S = 4e-7
"""What a byte of a body takes, before it was observed: 256 reviews in a hundredth of a second."""

_OBSERVED_S = 0.05
"""The shortest time over which the pace is observed, unless there is nothing left to do before."""


class BulkLane:
    """The places for large batches, and those who wait for one.

    Args:
        longest_wait_s: how long a single text may wait, in seconds; a large batch, four times as long.
    """

    def __init__(self, longest_wait_s: float) -> None:
        self._longest_wait_s = _PATIENCE * longest_wait_s
        self._places = Semaphore(_AT_ONCE)
        self.pace = Pace(_BYTE_S)
        self._done = 0
        self._since = 0.0
        self.pending = 0
        """Bytes of the bodies of all that were let in and are not done."""

    def refusal(self, size: int, deadline: float) -> CapacityError | None:
        """Return why a batch may not come in; None if it may. With a place free it has nothing to wait for.

        Args:
            size: of its body, in bytes.
            deadline: when it must be answered, in seconds of `perf_counter`.
        """
        if not self.pending:
            return None
        wait_s = self.pending * self.pace.unit_s
        if self._places.locked() and wait_s > self._longest_wait_s:
            return OverloadError(wait_s - self._longest_wait_s)
        late_s = perf_counter() + wait_s + size * self.pace.unit_s - deadline
        return DeadlineTooNearError(late_s) if late_s > 0 else None

    @asynccontextmanager
    async def place(self, size: int, deadline: float) -> AsyncIterator[None]:
        """Wait for a place and keep it until the block ends.

        Raises:
            OverloadError, DeadlineTooNearError: if it may not come in.
        """
        if (error := self.refusal(size, deadline)) is not None:
            raise error
        if not self.pending:
            self._since = perf_counter()
        self.pending += size
        try:
            async with self._places:
                yield
        finally:
            self.pending -= size
            self._observe(size)

    def _observe(self, size: int) -> None:
        self._done += size
        now = perf_counter()
        if now - self._since > _OBSERVED_S or not self.pending:
            self.pace.observe(now - self._since, self._done)
            self._since, self._done = now, 0
