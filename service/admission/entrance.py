"""What every request to predict is told: until when it must be answered, and, a batch, whether there is a place."""

from asyncio import timeout
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

from service.admission.bulk import LARGE_BYTES, BulkLane
from service.admission.counters import AdmissionCounters
from service.admission.deadlines import Timeouts
from service.errors import DeadlineError
from service.metrics import Metrics
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Entrance:
    """The rules, shared by the gate, which reads headers, and the endpoints, which have bodies.

    Attributes:
        timeouts: give requests their deadlines.
        bulk: where large batches wait.
        counters: of those that are not answered.
    """

    timeouts: Timeouts
    bulk: BulkLane
    counters: AdmissionCounters

    @classmethod
    def of(cls, settings: Settings, metrics: Metrics) -> "Entrance":
        """Make the rules as the settings say."""
        return cls(Timeouts(settings.request_timeout_s), BulkLane(settings.longest_wait_s), AdmissionCounters(metrics))

    @asynccontextmanager
    async def batch(self, size: int, deadline: float) -> AsyncIterator[None]:
        """Keep a batch within its time, and a large one in its place.

        Args:
            size: of its body, in bytes.
            deadline: when it must be answered, in seconds of `perf_counter`.

        Raises:
            OverloadError, DeadlineTooNearError: if it would have to wait too long.
            DeadlineError: at the deadline.
        """
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(timeout(deadline - perf_counter()))
                if size > LARGE_BYTES:
                    await stack.enter_async_context(self.bulk.place(size, deadline))
                yield
        except TimeoutError:
            raise DeadlineError from None
