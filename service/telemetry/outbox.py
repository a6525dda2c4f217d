"""Sends traces in the background. Answers never wait for it, and it never takes more than a small part of a processor.

A collector that is slow or gone costs traces, which are counted, and nothing else.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple, Protocol

from service.logs import log_event, log_exception
from service.telemetry.counters import TraceCounters
from service.telemetry.tracer import Ended, Late


class Sender(Protocol):
    """Sends items to a collector."""

    def send(self, items: Sequence[Ended | Late]) -> bool:
        """Return whether the collector took them; this may take seconds."""

    def stop(self) -> None:
        """Give up what is under way, and end."""


class Pace(NamedTuple):
    """How much is sent, and when.

    Attributes:
        room: items that may wait, so also about the most that are sent in a period.
        at_once: items of one message: a few milliseconds of work, between which requests get the interpreter.
        period_s: time between two looks at what waits, in seconds.
        last_s: how long the end of the process waits for the last of them, in seconds.
    """

    room: int = 256
    at_once: int = 16
    period_s: float = 1.0
    last_s: float = 2.0


class BackgroundOutbox:
    """A bounded queue and a thread that empties it.

    Args:
        sender: does the sending.
        counters: where items are counted.
        pace: how much is sent, and when.
    """

    def __init__(self, sender: Sender, counters: TraceCounters, pace: Pace | None = None) -> None:
        self._sender = sender
        self._counters = counters
        self._pace = pace or Pace()
        self._waiting: deque[Ended | Late] = deque()
        self._stopping = Event()
        self._give_up_at = float("inf")
        self._thread = Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def admit(self) -> bool:
        """Tell whether there is room for one more item; if not, count that it is dropped."""
        if len(self._waiting) < self._pace.room:
            return True
        self._counters.dropped.add()
        return False

    def put(self, item: Ended | Late) -> None:
        """Take an item, if there is room."""
        if self.admit():
            self._waiting.append(item)

    async def close(self) -> None:
        """Send what is left, within the time that there is for it; nothing may be put any more."""
        self._give_up_at = monotonic() + self._pace.last_s
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, self._pace.last_s)
        self._sender.stop()
        if self._waiting or self._thread.is_alive():
            log_event("traces_given_up", logging.WARNING, waiting=len(self._waiting))

    def _run(self) -> None:
        while not self._stopping.wait(self._pace.period_s):
            self._empty()
        self._empty()

    def _empty(self) -> None:
        """Send what waits now; what comes meanwhile is left for the next time, lest it never end."""
        left = len(self._waiting)
        while left > 0 and monotonic() < self._give_up_at:
            items = [self._waiting.popleft() for _ in range(min(left, self._pace.at_once))]
            left -= len(items)
            counter = self._counters.sent if self._sent(items) else self._counters.failed
            counter.add(len(items))

    def _sent(self, items: Sequence[Ended | Late]) -> bool:
        try:
            taken = self._sender.send(items)
        except Exception as error:  # whatever it was, the next may be taken
            log_exception("traces_not_written", error)
            return False
        if not taken:
            log_event("traces_not_sent", logging.WARNING, items=len(items))
        return taken
