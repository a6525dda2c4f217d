"""The queue before the application: how much of it is begun in one turn of the event loop, what waits, what is refused.

Under more requests than it can answer the event loop itself becomes the queue: it reads whatever has come, begins it
all, and comes back to the sockets only when all of it is done, ever later, health checks included. So a turn begins a
few requests and leaves the others waiting here, where they can be counted: how long the turns of the last moments were
tells how long a request that comes now will wait. One that would wait too long is refused while its headers are read,
at a fifth of what answering costs.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from time import perf_counter
from typing import NamedTuple, Protocol

from service.admission.bulk import LARGE_BYTES
from service.admission.entrance import Entrance
from service.admission.glance import Glance, glance
from service.admission.pace import Pace
from service.admission.patience import Patience
from service.admission.refusals import Refusal, refusal
from service.errors import DeadlineError, DeadlineTooNearError, InvalidRequestError, OverloadError
from service.errors.capacity import CapacityError
from service.heads import Head
from service.identifiers import RequestIds
from service.metrics import Metrics
from service.problems import Answer, Header

SINGLE, BATCH = "/predict", "/predict/batch"

_A_BATCH = b"POST /predict/batch "
_DIGITS = 10
"""Of a length that is none: such bodies are refused for their size by whoever reads them."""

_AT_ONCE = 32
"""Requests that are begun in one turn: 3 to 4 milliseconds of work on single texts."""

_AT_ONCE_OF_MANY = 16
"""Requests that are begun in a turn after a full one: all that came meanwhile is met in each turn, too."""

_AT_ONCE_BYTES = 16_384
"""Bytes of bodies that are begun in one turn, unless it is one alone: a text of 5,000 characters takes milliseconds."""

_UNREAD_BYTES = 4096
"""What may wait as it came; what is longer is counted by its connection, with all that is held of bodies."""

_REQUEST_S = 1.5e-4
"""What a request takes, before it was observed."""


class Arrival(Protocol):
    """A request: one whose headers were read, or one that waits as it came."""

    @property
    def path(self) -> str:
        """What it asks for."""

    @property
    def head(self) -> Head:
        """Its headers."""

    @property
    def gone(self) -> bool:
        """Whether its client left."""

    @property
    def size(self) -> int:
        """Bytes of its body that are there."""

    def begin(self) -> None:
        """Hand it to the application."""

    def answer(self, answer: Answer, request_id: str) -> None:
        """Answer it without the application."""


class Met(NamedTuple):
    """What was seen of a request that is to wait as it came.

    Attributes:
        seen: what was read.
        arrived: when it came, in seconds of `perf_counter`.
        deadline: until when it must be answered, in the same.
    """

    seen: Glance
    arrived: float
    deadline: float


class Gate:
    """Lets requests to predict in. It belongs to the event loop.

    Args:
        entrance: the rules.
        longest_wait_s: how long a request may have to wait in a burst, as predicted, in seconds.
        metrics: where refused requests are timed.
    """

    def __init__(self, entrance: Entrance, longest_wait_s: float, metrics: Metrics) -> None:
        self._patience = Patience(longest_wait_s)
        self._timeouts = entrance.timeouts
        self._bulk = entrance.bulk
        self._counters = entrance.counters
        self._durations = {
            (path, status): metrics.http_duration.labels("POST", path, str(status))
            for path in (SINGLE, BATCH)
            for status in (429, 504)
        }
        self._ids = RequestIds()
        self.pace = Pace(_REQUEST_S)
        self._waiting: deque[tuple[Arrival, float]] = deque()
        """Those that wait, each with its deadline."""
        self._call_soon: Callable[[Callable[[], None]], object] | None = None
        self._begun = 0
        self._turned, self._taken, self._full = 0.0, 0, False
        self._counters.waiting.set_function(lambda: len(self._waiting))

    @property
    def crowded(self) -> bool:
        """Whether somebody waits, so that a request may have to be refused."""
        return bool(self._waiting) or self._bulk.pending > 0

    def meet(self, data: bytes, own: list[Header]) -> "bytes | Met | None":
        """Say what becomes of a request, at a glance.

        Args:
            data: what came, while it is crowded, on a connection on which nothing was under way.
            own: the server's own headers of every answer.

        Returns:
            The answer if it has to be refused; what was seen of it if it is to wait as it came (`wait`); None for any
            other, which has to be taken apart.
        """
        waiting = bool(self._waiting)
        if not waiting and not data.startswith(_A_BATCH):
            return None
        seen, arrived = glance(data), perf_counter()
        if seen is None:
            return None
        path, head, *_ = seen
        try:
            deadline = arrived + self._timeouts.seconds(head.request_timeout)
        except InvalidRequestError:
            return None
        refused = self._refusal(path, head, arrived, deadline)
        if refused is not None:
            self._count(path, refused, arrived)
            return refused.message(self._ids.choose(head.request_id), own)
        if waiting and path == SINGLE and len(data) <= _UNREAD_BYTES:
            return Met(seen, arrived, deadline)
        return None

    def wait(self, arrival: Arrival, deadline: float) -> None:
        """Let a request wait that was met."""
        self._waiting.append((arrival, deadline))

    def passes(self, path: str) -> bool:
        """Tell whether a request may begin at once, as nearly every one may; then it counts as begun."""
        if self._begun >= _AT_ONCE or self._waiting or (path == BATCH and self._bulk.pending):
            return False
        if not self._begun:
            self._turn_later()
        self._begun += 1
        return True

    def receive(self, arrival: Arrival) -> None:
        """Let a request wait that may not begin at once, or refuse it."""
        if arrival.gone:
            return
        head = arrival.head
        try:
            deadline = self._timeouts.deadline(head)
        except InvalidRequestError:
            arrival.begin()  # it will be told
            return
        now = perf_counter()
        if not self._waiting:
            self._patience.begin(now)
        refused = self._refusal(arrival.path, head, now, deadline)
        if refused is not None:
            self._answer(arrival, refused)
            return
        if not self._begun and not self._waiting:
            self._turn_later()
        self._waiting.append((arrival, deadline))

    def left(self) -> None:
        """Count a client that left before it was answered."""
        self._counters.left.add()

    def _refusal(self, path: str, head: Head, now: float, deadline: float) -> Refusal | None:
        """Return why a request may not wait; None if it may."""
        wait_s = len(self._waiting) * self.pace.unit_s
        longest_wait_s = self._patience.longest_s(now)
        if wait_s > longest_wait_s:
            return _refusal(OverloadError, ceil(wait_s - longest_wait_s))
        late_s = now + wait_s - deadline
        if late_s > 0:
            return _refusal(DeadlineTooNearError, ceil(late_s))
        size = head.content_length
        if path == BATCH and size is not None and size.isdigit() and len(size) < _DIGITS and int(size) > LARGE_BYTES:
            error = self._bulk.refusal(int(size), deadline)
            return refusal(error) if error else None
        return None

    def _turn_later(self) -> None:
        if self._call_soon is None:
            self._call_soon = asyncio.get_running_loop().call_soon
        self._call_soon(self._turn)

    def _turn(self) -> None:
        """Begin what a turn may, in the order of arrival; what one has begun is done by the next."""
        now = perf_counter()
        (self.pace.observe if self._full else self.pace.bound)(now - self._turned, self._taken)
        most = _AT_ONCE_OF_MANY if self._full else _AT_ONCE
        self._begun, begun_bytes = 0, 0
        while self._waiting and self._begun < most and begun_bytes < _AT_ONCE_BYTES:
            arrival, deadline = self._waiting.popleft()
            if arrival.gone:
                continue
            if deadline < now:
                self._answer(arrival, refusal(DeadlineError()))
                continue
            self._begun += 1
            begun_bytes += arrival.size
            arrival.begin()
        self._full = self._begun >= most or begun_bytes >= _AT_ONCE_BYTES
        self._turned, self._taken = now, self._begun
        if self._begun:
            self._turn_later()

    def _answer(self, arrival: Arrival, refused: Refusal) -> None:
        head = arrival.head
        request_id = self._ids.choose(head.request_id)
        arrival.answer(refused.answer(request_id), request_id)
        self._count(arrival.path, refused, head.arrived)

    def _count(self, path: str, refused: Refusal, arrived: float) -> None:
        self._counters.count(refused.error)
        self._durations[path, refused.error.status].observe(perf_counter() - arrived)


@lru_cache(maxsize=256)
def _refusal(kind: type[CapacityError], seconds: int) -> Refusal:
    """Return the refusal of a kind that asks to come back after so many seconds; an error for each would cost more."""
    return refusal(kind(seconds))
