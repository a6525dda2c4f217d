"""From the start of the process to ready, and what it then weighs."""

import json
import time
from pathlib import Path
from typing import NamedTuple

from bench import closed_loop, servers
from bench.findings import Bar, Part, Spread, table
from bench.processes import has_mapped, resident_mb
from bench.running import ask, started, wait
from bench.stores import latest, shipped
from bench.workplace import Workplace, report

_MODELS = (1, 3, 13)
_BAR_MODELS = 3


class Start(NamedTuple):
    """One start of the service.

    Attributes:
        ready_s: from the start of the process until every version was ready.
        resident_mb: after it has answered for a while.
        tensorflow: whether TensorFlow was loaded.
    """

    ready_s: float
    resident_mb: float
    tensorflow: bool


def measure(workplace: Workplace) -> Part:
    """Start the service with one model, three, and many, in turn."""
    stores = {count: shipped(workplace.given, count, workplace.directory / f"models-{count}") for count in _MODELS}
    found: dict[int, list[Start]] = {count: [] for count in _MODELS}
    for number in range(workplace.plan.rounds):
        for count, store in stores.items():
            report(f"  round {number + 1} of {workplace.plan.rounds}: {count} models")
            found[count].append(_start(workplace, store, count))
    return _part(found)


def _part(found: dict[int, list[Start]]) -> Part:
    ready = {count: Spread.of([start.ready_s for start in starts]) for count, starts in found.items()}
    resident = {count: Spread.of([start.resident_mb for start in starts]) for count, starts in found.items()}
    rows = [[f"{count}", ready[count], resident[count]] for count in found]
    few, many = _MODELS[0], _MODELS[-1]
    added_mb = (resident[many].median - resident[few].median) / (many - few)
    added_s = (ready[many].median - ready[few].median) / (many - few)
    imported = any(start.tensorflow for starts in found.values() for start in starts)
    text = _TEXT.format(
        table=table(["models", "ready after s", "resident MB"], rows),
        added_mb=added_mb,
        added_ms=added_s * 1e3,
        tensorflow="**was loaded**" if imported else "was not loaded",
    )
    ready_bar = Bar(
        "start of the process to ready, fused engine, three models", 2.5, 1.5, "s", ready[_BAR_MODELS], at_least=False
    )
    memory = None if imported else resident[_BAR_MODELS]
    memory_bar = Bar("resident memory, fused engine, three models", 250, 150, "MB", memory, at_least=False)
    return Part("Start and memory", text, [ready_bar, memory_bar])


def _start(workplace: Workplace, store: Path, count: int) -> Start:
    """Start the service, wait for all its versions, and let it answer for a while."""
    with started(servers.NUNCHI, store, latest(store)) as begun:
        wait(begun, lambda: _ready_versions(begun.port) == count)
        ready_s = time.perf_counter() - begun.moment
        url = f"http://127.0.0.1:{begun.port}/predict"
        closed_loop.run(url, workplace.bodies(servers.NUNCHI), workplace.plan.warmup_s)
        pid = begun.process.pid
        return Start(ready_s, resident_mb(pid), has_mapped(pid, "tensorflow"))


def _ready_versions(port: int) -> int:
    status, answer = ask(port, "/models")
    return [model["state"] for model in json.loads(answer)["models"]].count("ready") if status == 200 else 0


_TEXT = """Files are in the page cache. Ready means that every version was loaded, warmed and proven on its golden
examples; memory is what the process holds after it has answered for a while.

{table}

A further model costs {added_mb:.1f} MB and {added_ms:.0f} ms. TensorFlow {tensorflow}."""
