"""Decides which requests are traced, and hands over what is known of them."""

from random import getrandbits
from typing import NamedTuple, Protocol

from service.telemetry.request_log import PROBES, Answered
from service.telemetry.tracecontext import read_remote
from service.telemetry.trail import Stage, Trace, Trail

_RANDOM_BITS = 56
"""Of a trace id, those that the W3C asks to be random, the last ones: they decide whether it is recorded."""


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
        """Record a request if its caller does so, or else if chance wants it."""
        remote = read_remote(trail.head)
        if remote is not None:
            if remote.sampled:
                trail.trace = Trace(remote.trace_id, _hex(64), remote, self._put_late)
            return
        trace_id = _hex(128)
        if int(trace_id[-_RANDOM_BITS // 4 :], 16) < self._bound:
            trail.trace = Trace(trace_id, _hex(64), None, self._put_late)

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
