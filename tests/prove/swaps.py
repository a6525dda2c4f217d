"""Versions change under load: nothing fails, no answer mixes versions, nobody waits longer, and no memory is left."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np

from tests.prove.asking import TEXTS, Seen, read
from tests.prove.perturbed import Perturbed
from tests.system.server import ROOT, Server, serving

_TOLERANCE = 1e-4
"""Of a probability; neighbours differ by ten times as much."""
_PATIENCE_S = 60.0
_SETTLED_S = 1.0
"""After the first request, what clients see is what they will always see; after the last swap, memory is given back."""
_LOOK_S = 0.02


class Size(NamedTuple):
    """How much is done.

    Attributes:
        swaps: how often the version changes.
        per_s: requests a second.
        steady_s: how long the load goes on before the first swap.
    """

    swaps: int
    per_s: float
    steady_s: float


SMALL, FULL = Size(3, 100, 1), Size(200, 520, 20)


class Found(NamedTuple):
    """What the proof found.

    Attributes:
        seconds: that the swaps took.
        steady, swapping: what clients saw before and during the swaps.
        mixed: answers whose probabilities are not those of the version that they name.
        versions: how many different versions answered.
        dropped: whether every old version was unloaded by itself.
        memory_mb: resident memory before the first swap and after the last, the process that proves versions left out.
    """

    seconds: float
    steady: Seen
    swapping: Seen
    mixed: int
    versions: int
    dropped: bool
    memory_mb: tuple[float, float]

    @property
    def p99_ratio(self) -> float:
        """How many times as long the slowest of a hundred took while versions changed."""
        return _p99_ms(self.swapping) / _p99_ms(self.steady)


def prove(size: Size, directory: Path, mistake: str | None = None) -> Found:
    """Run the proof in an empty directory; with a mistake, to see that it would be found."""
    prepared, store = directory / "prepared", directory / "models"
    perturbed = Perturbed(prepared, TEXTS)
    expected = [perturbed.publish(number) for number in range(1, size.swaps + 2)]
    _move(prepared, store, 1)
    module = "tests.prove.mistakes" if mistake else "service"
    settings = {"NUNCHI_VERSIONS": "latest(1)", "NUNCHI_ENGINE": "onnx", "MISTAKE": mistake or ""}
    with serving(store, None, True, module, **settings) as server:
        with asking(server, size.per_s, directory):
            time.sleep(_SETTLED_S + size.steady_s)
            before_mb, started = _resident_mb(server), time.perf_counter()
            swapped = all([_swap(server, prepared, store, number) for number in range(2, size.swaps + 2)])
            ended = time.perf_counter()
            time.sleep(_SETTLED_S)
            after_mb = _resident_mb(server)
        states = _states(server)
        seen = read(directory)
    return Found(
        seconds=ended - started,
        steady=seen.between(seen.due[0] + _SETTLED_S, started),
        swapping=seen.between(started, ended),
        mixed=_mixed(seen, expected),
        versions=len(set(seen.version[np.isfinite(seen.latency)].tolist())),
        dropped=swapped and states == ["unloaded"] * size.swaps + ["ready"],
        memory_mb=(before_mb, after_mb),
    )


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        found = prove(size, Path(directory))
    with tempfile.TemporaryDirectory() as directory:
        control = {}
        for mistake in ("gap", "mixture"):
            control[mistake] = prove(SMALL, Path(directory, mistake), mistake)
    before_mb, after_mb = found.memory_mb
    rows = {
        "requests": f"{len(found.swapping.due):,}, {len(found.swapping.due) / found.seconds:.0f} a second",
        "failed": f"{found.steady.failed + found.swapping.failed}",
        "answers that mix versions": f"{found.mixed}",
        "versions that answered": f"{found.versions}",
        "every old version dropped by itself": "yes" if found.dropped else "no",
        "p99 before, during": f"{_p99_ms(found.steady):.2f} ms, {_p99_ms(found.swapping):.2f} ms "
        f"({found.p99_ratio:.2f} times)",
        "resident memory before, after": f"{before_mb:.1f} MB, {after_mb:.1f} MB (+{after_mb - before_mb:.1f})",
        "the same with a gap between two versions": f"{control['gap'].swapping.failed} failed",
        "the same with graphs mixed up": f"{control['mixture'].mixed} answers that mix versions",
    }
    return "\n".join(
        [
            "## Versions change under load",
            "",
            f"The shipped `gru` with {size.swaps + 1} different last layers, each published once the one before alone "
            f"answers (`latest(1)`): {found.seconds:.0f} s, {size.per_s:g} requests a second, due at random moments.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {what} | {result} |" for what, result in rows.items()),
        ]
    )


def _mixed(seen: Seen, expected: Sequence[Sequence[float]]) -> int:
    """Count the answers whose probability is not that of the version that they name."""
    answered = np.isfinite(seen.latency)
    meant = np.array([[np.nan] * len(TEXTS), *expected])[seen.version[answered], seen.text[answered]]
    return int((~(np.abs(seen.probability[answered] - meant) <= _TOLERANCE)).sum())


@contextmanager
def asking(server: Server, per_s: float, directory: Path) -> Iterator[None]:
    """Ask a server in another process until the block ends."""
    command = [sys.executable, "-m", "tests.prove.asking", str(server.port), str(per_s), str(directory)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until((directory / "begun").exists)
        yield
    finally:
        (directory / "stop").touch()
        if process.wait(_PATIENCE_S) != 0:
            raise RuntimeError("the process that asks has failed")


def _swap(server: Server, prepared: Path, store: Path, number: int) -> bool:
    """Publish a version, and wait until it alone answers; return whether it does, the one before having been dropped.

    The log tells: to ask for GET /models again and again would take a third of a processor from who is measured.
    """
    _move(prepared, store, number)
    told = [f'"model_ready", "version": "gru/{number}"', f'"model_unloaded", "version": "gru/{number - 1}"']
    return until(lambda: all(line in server.log.read_text(encoding="utf-8") for line in told))


def _states(server: Server) -> list[str]:
    """Return what became of the versions, in their order."""
    models = httpx.get(f"{server.url}/models", timeout=_PATIENCE_S).json()["models"]
    return [item["state"] for item in models]


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(_LOOK_S)
    return False


def _move(prepared: Path, store: Path, number: int) -> None:
    (store / "gru").mkdir(parents=True, exist_ok=True)
    (prepared / "gru" / str(number)).rename(store / "gru" / str(number))


def _resident_mb(server: Server) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    [resident] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(resident) / 1024


def _p99_ms(seen: Seen) -> float:
    return float(np.percentile(seen.latency, 99, method="higher")) * 1e3
