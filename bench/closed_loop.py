"""Saturation: a few connections, each of which asks again as soon as it is answered (wrk)."""

import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.plan import CONNECTIONS

_SCRIPT = Path(__file__).with_name("requests.lua")
INSTALL = "wrk is not installed (Debian: apt-get install wrk)"


class Throughput(NamedTuple):
    """What a closed loop saw.

    Attributes:
        requests: answered.
        per_s: requests answered per second.
        errors: connections that broke, answers that were no 2xx, and those that did not come.
        generator_busy: share of one processor that the generator used; close to 1, it is what was measured.
    """

    requests: int
    per_s: float
    errors: int
    generator_busy: float


def available() -> bool:
    """Tell whether wrk is installed."""
    return shutil.which("wrk") is not None


def write_bodies(path: Path, bodies: Sequence[bytes]) -> None:
    """Write what `run` sends, one body a line."""
    path.write_bytes(b"\n".join(bodies) + b"\n")


def run(url: str, bodies: Path, seconds: float, first: int = 0) -> Throughput:
    """Load a server.

    Args:
        url: that takes the POSTs.
        bodies: file of `write_bodies`.
        seconds: how long, rounded up to whole ones.
        first: line to begin with.
    """
    command = ["wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={max(1, round(seconds))}s"]
    command += ["--timeout=10s", f"--script={_SCRIPT}", url, "--", str(bodies), str(first)]
    before = _children_s()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    used_s = _children_s() - before
    measured = next(line for line in done.stdout.splitlines() if line.startswith("measured "))
    requests, microseconds, errors = map(int, measured.split()[1:])
    return Throughput(requests, requests * 1e6 / microseconds, errors, used_s * 1e6 / microseconds)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
