"""Latency: requests arrive when they arrive (Poisson), whether or not earlier ones were answered.

Latency counts from the moment at which a request was due, not from the one at which it was sent, so that neither a slow
server nor a slow generator can hide (no coordinated omission). Plain sockets and select: asyncio and epoll keep time in
milliseconds, select in microseconds, and one request costs the generator some 30 microseconds.
"""

import gc
import random
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.connection import Connection

_CONNECTIONS = 32
_PATIENCE_S = 10
"""How long after the last request answers are waited for."""


class Latencies(NamedTuple):
    """What an open loop saw. Requests that failed or got no answer count as infinitely late.

    Attributes:
        requests: how many were due.
        errors: how many failed or got no answer.
        p50_ms, p99_ms: of the time from due to answered.
        sent_late_p99_ms: of the time from due to sent; part of the latencies above.
        generator_busy: share of one processor that the generator used.
        cpu_us: processor time that the server's processes used for a request, in microseconds, known to whoever
            knows these.
    """

    requests: int
    errors: int
    p50_ms: float
    p99_ms: float
    sent_late_p99_ms: float
    generator_busy: float
    cpu_us: float = float("nan")


class OpenLoop:
    """One run against one server.

    Args:
        port: of the server, on 127.0.0.1.
        messages: complete HTTP requests, sent in turn.
        due_s: when each request is due, in seconds since the start, ascending.
    """

    def __init__(self, port: int, messages: Sequence[bytes], due_s: Sequence[float]) -> None:
        self._port = port
        self._messages = messages
        self._due_s = due_s
        self._free = deque(Connection(port) for _ in range(_CONNECTIONS))
        self._busy: set[Connection] = set()
        self._waiting: deque[int] = deque()
        self._sent_late_s: list[float] = []
        self._latency_s = [float("inf")] * len(due_s)
        self._started = 0.0

    def run(self) -> Latencies:
        """Send everything when it is due; return once all is answered, or nothing more can be hoped for."""
        gc.disable()
        busy_s = time.process_time()
        self._started = time.perf_counter()
        try:
            self._loop()
        finally:
            gc.enable()
            elapsed_s = time.perf_counter() - self._started
            busy_s = time.process_time() - busy_s
            for connection in (*self._free, *self._busy):
                connection.close()
        return self._summary(busy_s / elapsed_s)

    def _loop(self) -> None:
        arrived, total = 0, len(self._due_s)
        end_s = self._due_s[-1] + _PATIENCE_S
        while arrived < total or self._busy or self._waiting:
            now_s = time.perf_counter() - self._started
            if now_s > end_s:
                return
            while arrived < total and self._due_s[arrived] <= now_s:
                self._waiting.append(arrived)
                arrived += 1
            self._send_waiting()
            wake_s = self._due_s[arrived] if arrived < total else end_s
            pause_s = max(0, wake_s - (time.perf_counter() - self._started))
            for connection in select.select(self._busy, (), (), pause_s)[0]:
                self._receive(connection)

    def _send_waiting(self) -> None:
        while self._waiting and self._free:
            request = self._waiting.popleft()
            connection = self._free.popleft().fresh()
            self._busy.add(connection)
            self._sent_late_s.append(time.perf_counter() - self._started - self._due_s[request])
            connection.send(request, self._messages[request % len(self._messages)])

    def _receive(self, connection: Connection) -> None:
        status = connection.receive()
        if status is None:
            return
        if status == 200:
            answered_s = time.perf_counter() - self._started
            self._latency_s[connection.request] = answered_s - self._due_s[connection.request]
        self._busy.discard(connection)
        if status:
            self._free.append(connection)
        else:
            connection.close()
            self._free.append(Connection(self._port))

    def _summary(self, generator_busy: float) -> Latencies:
        latencies_s = np.array(self._latency_s)
        p50, p99 = np.percentile(latencies_s, (50, 99), method="higher") * 1e3
        late = float(np.percentile(self._sent_late_s, 99)) * 1e3
        errors = int(np.isinf(latencies_s).sum())
        return Latencies(len(latencies_s), errors, float(p50), float(p99), late, generator_busy)


def poisson(per_s: float, seconds: float, seed: int) -> list[float]:
    """Return the moments, in seconds, of a Poisson process with `per_s` arrivals a second on average; at least one."""
    source = random.Random(seed)
    moments = [source.expovariate(per_s)]
    while moments[-1] < seconds:
        moments.append(moments[-1] + source.expovariate(per_s))
    return moments
