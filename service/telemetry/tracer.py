"""Decides which requests are traced, and hands over what is known of them."""

from random import getrandbits
from typing import NamedTuple, Protocol

from service.telemetry.request_log import PROBES, Answered
from service.telemetry.tracecontext import read_remote
from service.telemetry.trail import Stage, Trace, Trail

_RANDOM_BITS = 53
"""Of the number that is drawn: as many as a ratio has."""


class Ended(NamedTuple):
    """A request that was answered, of which a trace is recorded."""

    trail: Trail
    trace: Trace
    answered: Answered


class Late(NamedTuple):
    """A stage that ended after the answer."""

    trace: Trace
    stage: Stage


class Outbox(Protocol):
    """Takes what is to be sent, without making anybody wait."""

    def admit(self) -> bool:
        """Tell whether there is room for the trace of one more request; if not, count it as dropped."""

    def put(self, item: Ended | Late) -> None:
        """Take it, or count that there is no room."""

    async def close(self) -> None:
        """Send what is left, for as long as that may take."""


class Tracer:
    """Begins and ends the traces of requests.

    Args:
        ratio: share of the requests without a caller's decision that are recorded: 0 to 1.
        outbox: sends them.
    """

    def __init__(self, ratio: float, outbox: Outbox) -> None:
        self._bound = round(ratio * (1 << _RANDOM_BITS))
        self._outbox = outbox

    def begin(self, trail: Trail) -> None:
        """Record a request if its caller does so, or else if chance wants it, and if there is room for it."""
        remote = read_remote(trail.head)
        wanted = getrandbits(_RANDOM_BITS) < self._bound if remote is None else remote.sampled
        if wanted and self._outbox.admit():
            trace_id = _hex(128) if remote is None else remote.trace_id
            trail.trace = Trace(trace_id, _hex(64), remote, self._put_late)

    def end(self, trail: Trail, answered: Answered) -> None:
        """Hand over what is known of a request; nobody wants to see probes."""
        if trail.trace is not None and answered.route not in PROBES:
            self._outbox.put(Ended(trail, trail.trace, answered))

    async def close(self) -> None:
        """Send what is left."""
        await self._outbox.close()

    def _put_late(self, trace: Trace, stage: Stage) -> None:
        self._outbox.put(Late(trace, stage))


def _hex(bits: int) -> str:
    """Return a random number that is not 0."""
    return f"{getrandbits(bits) or 1:0{bits // 4}x}"
