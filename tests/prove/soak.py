"""A million requests of random lengths: the memory of the service does not grow, and if it did, this would show it."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from bench.processes import resident_mb
from model_store.layout import DEFAULT_STORE
from tests.prove.leaking import LEAK
from tests.prove.visitors import MOST_CODE_POINTS, Visitors
from tests.system.server import Server, serving

PER_REQUESTS = 100_000
MOST_MIB = 1.0
"""What resident memory may grow by in so many requests."""

_SAMPLES = 200
_MIB_PER_MB = 1e6 / 2**20


class Size(NamedTuple):
    """How many requests, of which the first `warm_up` are not looked at.

    Attributes:
        fused: to the fused engine.
        leaking: to the same with a planted leak.
        leak_bytes: for each of these.
        tensorflow: to TensorFlow; 0 to leave it out.
    """

    fused: int
    leaking: int
    leak_bytes: int
    tensorflow: int
    warm_up: float = 0.2


SMALL = Size(fused=4_000, leaking=4_000, leak_bytes=16_384, tensorflow=0)
FULL = Size(fused=1_000_000, leaking=200_000, leak_bytes=32, tensorflow=1_000_000)


class Grown(NamedTuple):
    """What became of a service.

    Attributes:
        mib: growth of its resident memory in 100,000 requests, after the warm-up.
        first_mib, last_mib: of resident memory after the warm-up, and at the end.
        statuses: how often each was answered; 0: the connection broke.
        traces: graphs that TensorFlow traced after it was ready.
        seconds: from the first request to the last answer.
    """

    mib: float
    first_mib: float
    last_mib: float
    statuses: Counter[int]
    traces: float
    seconds: float


class Sample(NamedTuple):
    """Resident memory after so many requests."""

    requests: int
    mib: float


def slope(samples: Sequence[Sample]) -> float:
    """Return the growth in 100,000 requests: the slope of the straight line with the least squares."""
    line = linear_regression([sample.requests for sample in samples], [sample.mib for sample in samples])
    return line.slope * PER_REQUESTS


def soak(directory: Path, requests: int, size: Size, module: str = "service", **settings: str) -> Grown:
    """Ask a service until it should have grown, if it grows.

    Args:
        directory: for what it writes.
        requests: how many.
        size: says which of them are the warm-up.
        module: what starts it.
        settings: of it.
    """
    store = directory / "models"
    if not store.exists():
        shutil.copytree(DEFAULT_STORE, store, ignore=shutil.ignore_patterns(".*"))
    with serving(store, None, True, module, **settings) as server:
        server.wait_until_loaded()  # so that no version is what makes the memory grow
        before, started = _traces(server), time.monotonic()
        samples: list[Sample] = []
        visitors = Visitors(urlsplit(server.url).port or 0, seed=requests)
        visitors.ask(
            requests,
            max(1, requests // _SAMPLES),
            lambda count: samples.append(Sample(count, resident_mb(server.process.pid) * _MIB_PER_MB)),
        )
        seconds, traces = time.monotonic() - started, _traces(server) - before
    warm = [sample for sample in samples if sample.requests > requests * size.warm_up]
    return Grown(slope(warm), warm[0].mib, warm[-1].mib, visitors.statuses, traces, seconds)


def prove(size: Size, directory: Path) -> dict[str, Grown]:
    """Run the proof in an empty directory."""
    found = {
        "fused engine": soak(directory, size.fused, size),
        f"the same with a leak of {size.leak_bytes} bytes a request": soak(
            directory, size.leaking, size, "tests.prove.leaking", **{LEAK: str(size.leak_bytes)}
        ),
    }
    if size.tensorflow:
        found["TensorFlow"] = soak(
            directory, size.tensorflow, size, NUNCHI_ENGINE="tensorflow", NUNCHI_RECYCLE_MEMORY_MB="0"
        )
    return found


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        found = prove(size, Path(directory))
    rows = [
        f"| {what} | {grown.statuses.total():,} | {_answers(grown)} | {grown.first_mib:.1f} | {grown.last_mib:.1f} | "
        f"**{grown.mib:.2f}** | {grown.traces:.0f} | {grown.seconds:.0f} |"
        for what, grown in found.items()
    ]
    head = _HEAD.format(longest=MOST_CODE_POINTS, warm_up=size.warm_up, per=PER_REQUESTS, most=MOST_MIB)
    return "\n".join([head, *rows])


def _answers(grown: Grown) -> str:
    return ", ".join(f"{count:,} x {status}" for status, count in sorted(grown.statuses.items()))


def _traces(server: Server) -> float:
    """Return how many graphs TensorFlow has traced so far."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("sentiment_tensorflow_traces "))


_HEAD = """## Memory over a million requests

Texts of 1 to {longest:,} code points, each different, of every alphabet; single and in batches, with and without
headers, some broken, over connections that come and go. Resident memory of the process after the first {warm_up:.0%},
and its growth in {per:,} requests after that (least squares): at most {most:g} MiB is allowed, and the planted leak
must be found.

| | requests | answers | MiB, warm | MiB, at the end | MiB per 100,000 | graphs traced | s |
|---|---|---|---|---|---|---|---|"""
