"""Traffic for a service, sent from a process of its own (tests/prove/generator.py), and what became of it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Phase(NamedTuple):
    """A part of the traffic.

    Attributes:
        kind: `open`: requests arrive at random (Poisson), whether or not earlier ones were answered; `closed`: each
            connection asks again once it is answered.
        amount: requests a second on average, or connections.
        seconds: how long.
    """

    kind: Literal["open", "closed"]
    amount: float
    seconds: float


class Sent(NamedTuple):
    """What became of the requests that were due in one phase. Latency counts from the moment at which one was due.

    Attributes:
        seconds: how long the phase was.
        busy: share of one processor that the generator used.
        due_s: of each request, since the phase began.
        status: of its answer; 0 if there was none.
        latency_s: from due to answered.
        late_s: from due to sent; part of the latency.
        probe_s: latencies of the health checks, of which one was due every 20 ms.
    """

    seconds: float
    busy: float
    due_s: Numbers
    status: Numbers
    latency_s: Numbers
    late_s: Numbers
    probe_s: Numbers

    def latencies_of(self, status: int) -> Numbers:
        """Return the latencies of those that got this status."""
        of_status: Numbers = self.latency_s[self.status == status]
        return of_status

    def after(self, seconds: float) -> "Sent":
        """Return it with those requests only that were due later than that."""
        later = self.due_s > seconds
        due_s, status, latency_s, late_s = self.due_s, self.status, self.latency_s, self.late_s
        return self._replace(due_s=due_s[later], status=status[later], latency_s=latency_s[later], late_s=late_s[later])


def message(path: str, body: bytes, **headers: str) -> bytes:
    """Return a complete request; underscores in the names of headers stand for hyphens."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def send(port: int, messages: Sequence[bytes], phases: Sequence[Phase], connections: int = 0) -> list[Sent]:
    """Send messages in turn, phase after phase.

    Args:
        port: of a service on 127.0.0.1.
        messages: complete requests, one after the other, again and again.
        phases: what is sent.
        connections: opened before the first phase; more are opened when they are needed.
    """
    with tempfile.TemporaryDirectory() as directory:
        plan = {"port": port, "connections": connections, "phases": phases}
        plan["messages"] = [each.decode() for each in messages]
        Path(directory, "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        patience_s = 2 * sum(phase.seconds for phase in phases) + 120
        subprocess.run([sys.executable, "-m", "tests.prove.generator", directory], check=True, timeout=patience_s)
        return [_read(Path(directory, f"{number}.npz")) for number in range(len(phases))]


def _read(path: Path) -> Sent:
    with np.load(path) as kept:
        seconds, busy, *arrays = (kept[name] for name in Sent._fields)
    return Sent(float(seconds), float(busy), *arrays)
