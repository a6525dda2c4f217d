"""Looks at the connections of a process again and again, and ends those on which a client takes too long.

uvicorn has no limits for slow clients. A timer for each request would cost it a microsecond; one look at all
connections, twice a second, costs requests nothing: what a connection is doing can be seen from outside, and if it is
still the same as at the last look, time has passed.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf
from time import monotonic
from typing import Protocol

from service.errors import ServiceError, SlowRequestError, TooManyConnectionsError
from service.identifiers import RequestIds
from service.security.bodies import Bodies, Flow
from service.security.connection_counters import ConnectionCounters, EndReason
from service.security.descriptors import possible_connections
from service.settings_connections import ConnectionSettings

LOOK_S = 0.5
"""Time between two looks."""

LINGER_S = 1.0
"""How long a client may take to notice that it was answered before it had sent everything."""

_GRACE_S = 5.0
"""In which a body need not keep any pace."""

_ENDED_AT_ONCE = 32
"""Connections that are ended in one turn of the event loop, in a millisecond: a thousand may be due at once."""

_CROWDED = 0.75
"""Share of the connections from which on idle ones go sooner."""

_CROWDED_S = 1.0
_CROWDED_BYTES_PER_S = 65_536

UNREAD_BYTES = 4 * 1024 * 1024
"""Of all answers that their clients have not taken, beyond what the kernel holds; more than that is a crowd, too."""


class Phase(Enum):
    """What a connection is doing."""

    FIRST_HEAD = "waiting for its first headers"
    HEAD = "receiving headers"
    BODY = "receiving a body"
    HELD = "waiting until there is room for its body"
    WORK = "waiting for an answer"
    ANSWER = "sending an answer"
    IDLE = "waiting for another request"
    LEAVING = "answered too early, so that the client may not know"
    CLOSING = "closing"


_SILENT = (Phase.FIRST_HEAD, Phase.HEAD, Phase.IDLE)
"""Phases that are over once a request has come."""


@dataclass(slots=True)
class Seen:
    """What a connection was doing when, since when, and by what it is told whether it still is."""

    phase: Phase
    marker: object
    since: float


class Watched(Protocol):
    """A connection."""

    flow: Flow
    address: str
    seen: Seen | None

    def doing(self) -> tuple[Phase, object]:
        """Return what it is doing, and what changes as soon as it makes progress that counts."""

    def unsent(self) -> int:
        """Return how many bytes of answers its client has not taken."""

    def received(self) -> int:
        """Return how many bytes of the present body have come."""

    def has_sent(self) -> bool:
        """Tell whether its client has sent something that was not read yet."""

    def refuse(self, error: ServiceError, reason: EndReason) -> None:
        """Answer what is being received, and end."""

    def end(self) -> None:
        """End without an answer."""

    def drop(self) -> None:
        """End at once, whatever is still to be sent."""


class Patrol:
    """The connections of a process.

    Args:
        limits: what clients may do.
        counters: where ends are counted.
        clock: gives seconds.
    """

    def __init__(
        self, limits: ConnectionSettings, counters: ConnectionCounters, clock: Callable[[], float] = monotonic
    ) -> None:
        self.limits = limits
        self.counters = counters
        self.bodies = Bodies()
        self.request_ids = RequestIds()
        self._clock = clock
        self._most = possible_connections(limits.connections)
        self._connections: set[Watched] = set()
        self._addresses: Tally[str] = Tally()
        self._timer: asyncio.TimerHandle | None = None
        self._allowed: dict[Phase, float] = {}
        counters.show(lambda: len(self._connections))

    def opened(self, connection: Watched) -> ServiceError | None:
        """Take a new connection in; return why it may not stay, if so."""
        full = len(self._connections) >= self._most
        self._connections.add(connection)
        self._addresses[connection.address] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._again)
        if full:
            self.counters.ended["too_many"].add()
            return TooManyConnectionsError("as many connections are open as may be")
        most = self.limits.connections_per_address
        if most and self._addresses[connection.address] > most:
            self.counters.ended["too_many_of_address"].add()
            return TooManyConnectionsError("as many connections are open from this address as may be")
        return None

    def closed(self, connection: Watched) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(connection)
        self.bodies.ended(connection)
        self._addresses[connection.address] -= 1
        if not self._addresses[connection.address]:
            del self._addresses[connection.address]

    def _again(self) -> None:
        self.look()
        self._timer = None
        if self._connections:
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._again)

    def look(self) -> None:
        """End what takes too long."""
        now, overdue = self._clock(), []
        self._see_crowds()
        for connection in list(self._connections):
            phase, marker = connection.doing()
            seen = connection.seen
            if seen is None or seen.phase is not phase or seen.marker != marker:
                connection.seen = Seen(phase, marker, now)
            elif now - seen.since > self._allowed_s(phase, connection):
                overdue.append(connection)
        self._end_some(overdue)

    def _end_some(self, overdue: list[Watched]) -> None:
        """End those that still do what they did for too long; some now, the others in the next turns."""
        for connection in overdue[:_ENDED_AT_ONCE]:
            (phase, marker), seen = connection.doing(), connection.seen
            if connection in self._connections and seen and (seen.phase, seen.marker) == (phase, marker):
                self._end(phase, connection)
        if rest := overdue[_ENDED_AT_ONCE:]:
            asyncio.get_running_loop().call_soon(self._end_some, rest)

    def _see_crowds(self) -> None:
        """Let those who only take up room go sooner while there is little of it."""
        idle_s, answer_s = self.limits.keep_alive_s, self.limits.answer_timeout_s
        if len(self._connections) > _CROWDED * self._most:
            idle_s = min(idle_s, _CROWDED_S)
        if sum(connection.unsent() for connection in self._connections) > UNREAD_BYTES:
            answer_s = min(answer_s, _CROWDED_S)
        self._allowed = {
            Phase.FIRST_HEAD: self.limits.header_timeout_s,
            Phase.HEAD: self.limits.header_timeout_s,
            Phase.HELD: self.limits.body_timeout_s,
            Phase.WORK: inf,
            Phase.ANSWER: answer_s,
            Phase.IDLE: idle_s,
            Phase.LEAVING: LINGER_S,
            Phase.CLOSING: answer_s,
        }

    def _allowed_s(self, phase: Phase, connection: Watched) -> float:
        """Return how long a connection may go on with what it is doing."""
        return self._allowed_body_s(connection.received()) if phase is Phase.BODY else self._allowed[phase]

    def _allowed_body_s(self, size: int) -> float:
        """Return the seconds that a body may take of which so many bytes have come; fewer while others wait."""
        if self.bodies.crowded:
            return _CROWDED_S + size / _CROWDED_BYTES_PER_S
        return min(_GRACE_S + size / self.limits.body_bytes_per_s, self.limits.body_timeout_s)

    def _end(self, phase: Phase, connection: Watched) -> None:
        if phase in _SILENT and connection.has_sent():
            return  # nobody has read it yet, and it may be a request
        if phase is Phase.HEAD or phase is Phase.FIRST_HEAD:
            connection.refuse(SlowRequestError("headers"), "headers_too_slow")
        elif phase is Phase.BODY or phase is Phase.HELD:
            connection.refuse(SlowRequestError("body"), "body_too_slow")
        elif phase is Phase.LEAVING or phase is Phase.IDLE:
            connection.end()
        else:
            self.counters.ended["answer_not_read"].add()
            connection.drop()
