"""With TensorFlow every version that is compiled leaves memory behind; workers that have grown by it are replaced."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import NamedTuple

import httpx

from model_store.layout import CHECKSUM, DEFAULT_STORE, MANIFEST, VersionRef, publish, staging, verify
from service.growth import resident_bytes
from tests.prove.asking import Seen, read
from tests.prove.leaking import LEAK
from tests.prove.perturbed import SHIPPED
from tests.prove.swaps import asking, until
from tests.system.server import Server, serving

_MEBIBYTE = 2**20
_LOOK_S = 0.2


class Size(NamedTuple):
    """How much is done.

    Attributes:
        swaps: how often the version changes.
        allowed_mb: by which the worker may grow.
        per_s: requests a second.
        module: what serves: the service, or one that does not wait until a worker is a minute old.
    """

    swaps: int
    allowed_mb: int
    per_s: float
    module: str


SMALL, FULL = Size(2, 48, 5, "tests.prove.growing"), Size(24, 256, 20, "service")


class Found(NamedTuple):
    """What the proof found, memory in MiB.

    Attributes:
        ready: memory of the worker before the first swap.
        steps: by how much it grew from one swap to the next, where it was the same worker.
        last: memory of the worker that answered at the end.
        largest: of all workers together, at any time.
        workers: how many have answered, one after the other.
        seen: what clients saw.
    """

    ready: float
    steps: list[float]
    last: float
    largest: float
    workers: int
    seen: Seen


def prove(size: Size, directory: Path) -> Found:
    """Run the proof in an empty directory."""
    store = directory / "models"
    _publish(store)
    settings = {"NUNCHI_VERSIONS": "latest(1)", "NUNCHI_ENGINE": "tensorflow", LEAK: "0"}
    settings["NUNCHI_RECYCLE_MEMORY_MB"] = str(size.allowed_mb)
    with serving(store, None, True, size.module, **settings) as server, _watching(server) as together:
        with asking(server, size.per_s, directory):
            found = [_weighed(server)]
            for _ in range(size.swaps):
                _swap(server, store)
                found.append(_weighed(server))
            until(lambda: _worker(server) != found[0][0])  # it may just be replaced
        last = _weighed(server)
    steps = [after - before for (old, before), (new, after) in pairwise(found) if old == new]
    workers = len({pid for pid, _ in [*found, last]})
    return Found(found[0][1], steps, last[1], max(together), workers, read(directory))


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        found = prove(size, Path(directory))
    rows = {
        "memory of the worker when ready": f"{found.ready:.0f} MiB",
        "a swap leaves behind, median": f"{median(found.steps):.0f} MiB",
        f"{size.swaps} swaps would": f"{size.swaps * median(found.steps):.0f} MiB",
        "workers that answered, one after the other": f"{found.workers}",
        "memory of the last one at the end": f"{found.last:.0f} MiB",
        "most memory of all workers together": f"{found.largest:.0f} MiB",
        "requests, failed": f"{len(found.seen.due):,}, {found.seen.failed}",
    }
    return "\n".join(
        [
            "## TensorFlow grows with every version and is replaced",
            "",
            f"The shipped `gru` in TensorFlow, published {size.swaps} times more (`latest(1)`), by one worker that may "
            f"grow by {size.allowed_mb} MiB (`NUNCHI_RECYCLE_MEMORY_MB`), {size.per_s:g} requests a second.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {what} | {result} |" for what, result in rows.items()),
        ]
    )


def _publish(store: Path) -> VersionRef:
    """Publish the shipped model once more."""
    source = verify(DEFAULT_STORE, SHIPPED)
    with staging(store) as staged:
        shutil.copytree(source.path, staged, dirs_exist_ok=True)
        for name in (MANIFEST, CHECKSUM):
            (staged / name).unlink()
        return publish(staged, store, source.manifest)


def _swap(server: Server, store: Path) -> None:
    """Publish a version, and wait until it alone answers."""
    published = str(_publish(store).version)

    def states() -> dict[str, str]:
        models = httpx.get(f"{server.url}/models", timeout=60).json()["models"]
        return {str(item["version"]): item["state"] for item in models if item["state"] != "unloaded"}

    if not until(lambda: states() == {published: "ready"}):
        raise RuntimeError(f"version {published} does not answer alone")


def _workers(server: Server) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in children.read_text(encoding="ascii").split()]


def _worker(server: Server) -> int:
    """Return the worker, once there is one."""
    if not until(lambda: len(_workers(server)) == 1):
        raise RuntimeError("one worker does not take over from the other")
    return _workers(server)[0]


def _weighed(server: Server) -> tuple[int, float]:
    """Return the worker and its memory."""
    time.sleep(1.0)  # what the dropped version leaves is given back
    pid = _worker(server)
    return pid, resident_bytes(pid) / _MEBIBYTE


@contextmanager
def _watching(server: Server) -> Iterator[list[float]]:
    """Note, until the block ends, what all workers have in memory together."""
    together: list[float] = []
    ended = Event()

    def watch() -> None:
        while not ended.wait(_LOOK_S):
            together.append(sum(map(resident_bytes, _workers(server))) / _MEBIBYTE)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield together
    finally:
        ended.set()
        thread.join()
