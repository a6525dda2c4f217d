"""SIGTERM under load: whatever was accepted is answered. kill -9 of workers: each is replaced and leaves nothing."""

import asyncio
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import NamedTuple

from tests.prove.clients import Client, LostError
from tests.prove.load import CLIENTS, PATIENCE_S, Load, Probe
from tests.system.server import Server, serving
from tests.versions import publish_version

NOT_READY_S, GONE_S, BACK_S = 0.1, 10.0, 5.0

_METRICS = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"
_LOADED = b'sentiment_model_loaded{model="gru",version="1"} 1.0'
_FILES = 7
"""In the directory that a supervisor and two workers share."""


class Size(NamedTuple):
    """How many times a service is told to stop, by turns with one process and with two, and how many are killed."""

    terms: int
    kills: int


SMALL, FULL = Size(terms=2, kills=2), Size(terms=100, kills=100)


class Stopped(NamedTuple):
    """What was seen of a service that was told to stop.

    Attributes:
        statuses: answers.
        lost: requests that got none although somebody took the connection.
        ready_s: after the signal, when the last probe was sent that was told "ready".
        gone_s: after the signal, when the process had ended.
    """

    statuses: Counter[int]
    lost: int
    ready_s: float
    gone_s: float


class Replaced(NamedTuple):
    """What was seen after a worker was killed.

    Attributes:
        back_s: when as many as before answered and were ready.
        files: in the directory that workers share.
        descriptors: open files of the supervisor.
        zombies: children that ended and were not noticed.
    """

    back_s: float
    files: int
    descriptors: int
    zombies: int


class Found(NamedTuple):
    """What the proof found; `asked` and `lost` are of the load while workers were killed."""

    stopped: Sequence[Stopped]
    replaced: Sequence[Replaced]
    asked: int
    lost: int


async def stop(store: Path, workers: int, how: signal.Signals = signal.SIGTERM) -> Stopped:
    """Serve, put it under load, tell it to stop at a moment that chance decides, and see what clients see."""
    with ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, _served(store, workers))
        load, probe = Load(server.port), Probe(server.port)
        await asyncio.sleep(random.uniform(0.2, 0.6))
        probe.told_at = time.monotonic()
        server.process.send_signal(how)
        with suppress(TimeoutExpired):
            await asyncio.to_thread(server.process.wait, PATIENCE_S)
        gone_s = time.monotonic() - probe.told_at
        await load.end()
        await probe.ended
        return Stopped(load.statuses, load.lost, probe.ready_s, gone_s)


async def kill(store: Path, kills: int, *, supervised: bool = True) -> Found:
    """Serve with two workers under load and kill them again and again; without a supervisor nobody replaces them."""
    replaced = []
    with ExitStack() as stack:
        server = await asyncio.to_thread(stack.enter_context, _served(store, 2))
        await _back(server, store, set(), BACK_S)
        load = Load(server.port)
        for _ in range(kills):
            before = _children(server)
            if not supervised:
                server.process.send_signal(signal.SIGSTOP)
            os.kill(random.choice(before), signal.SIGKILL)
            back_s = await _back(server, store, set(before), 2 * BACK_S if supervised else 1.0)
            replaced.append(Replaced(back_s if supervised else 2 * BACK_S, *_residue(server, store)))
            server.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(random.uniform(0, 0.1))
        await load.end(at_once=True)
    return Found((), replaced, load.statuses[200], load.lost)


async def prove(size: Size, directory: Path) -> Found:
    """Run the proof in an empty directory."""
    store = directory / "store"
    publish_version(store, "gru")
    stopped = [await stop(store, workers=1 + number % 2) for number in range(size.terms)]
    return (await kill(store, size.kills))._replace(stopped=stopped)


def faults(found: Found) -> list[str]:
    """Name all that is not as it was promised; nothing if it holds."""
    stopped, replaced = found.stopped, found.replaced
    left = {each[1:] for each in replaced}
    said = {
        f"{_lost(stopped)} accepted requests got no answer": _lost(stopped) > 0,
        f"{_not_200(stopped)} answers were not 200": _not_200(stopped) > 0,
        f"ready for longer than {NOT_READY_S} s": any(each.ready_s > NOT_READY_S for each in stopped),
        f"not gone within {GONE_S} s": any(each.gone_s > GONE_S for each in stopped),
        f"a worker not back within {BACK_S} s": any(each.back_s > BACK_S for each in replaced),
        "a worker that was killed left something": len(left) > 1
        or any(each.zombies or each.files != _FILES for each in replaced),
        "more requests lost than a killed worker had in hand": found.lost > len(replaced) * CLIENTS,
    }
    return [fault for fault, holds in said.items() if holds]


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(prove(size, Path(directory)))
    stopped, replaced = found.stopped, found.replaced
    answered = sum(sum(each.statuses.values()) for each in stopped)
    rows = {
        "requests answered around the signals": f"{answered:,}, of which {_not_200(stopped):,} not with 200",
        "accepted requests that got no answer": _lost(stopped),
        "last told ready after the signal": f"{1e3 * max(each.ready_s for each in stopped):.0f} ms (bar: 100)",
        "gone after the signal": f"{max(each.gone_s for each in stopped):.1f} s at most (bar: 10)",
        "workers killed and back": f"{max(each.back_s for each in replaced):.1f} s at most (bar: 5)",
        "requests lost to a killed worker": f"{found.lost} of {found.asked:,}",
        "left by the killed, after each": f"{replaced[-1].files - replaced[0].files} files, "
        f"{replaced[-1].descriptors - replaced[0].descriptors} descriptors, {replaced[-1].zombies} zombies",
        "not as promised": "; ".join(faults(found)) or "nothing",
    }
    return "\n".join(
        [
            "## Stop and start under load",
            "",
            f"{len(stopped)} times SIGTERM, by turns with one process and with two workers, and {len(replaced)} times "
            f"`kill -9` of one of two workers, each under {CLIENTS} clients that ask again as soon as they are "
            "answered; some come anew for every request, some send batches of 128.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {what} | {result} |" for what, result in rows.items()),
        ]
    )


async def _back(server: Server, store: Path, before: set[int], patience_s: float) -> float:
    """Return after how many seconds two workers, of which one is new, answer and are ready."""
    started = time.monotonic()
    while time.monotonic() - started < patience_s:
        children = _children(server)
        new = len(children) == 2 and set(children) != before
        if new and _files(store) >= _FILES and await _loaded(server.port):
            break
        await asyncio.sleep(0.01)
    return time.monotonic() - started


async def _loaded(port: int) -> bool:
    client = await Client.connect(port)
    if client is None:
        return False
    try:
        return _LOADED in (await client.ask(_METRICS)).body  # only if every worker says so
    except LostError:
        return False
    finally:
        client.leave()


def _lost(stopped: Sequence[Stopped]) -> int:
    return sum(each.lost for each in stopped)


def _not_200(stopped: Sequence[Stopped]) -> int:
    return sum(count for each in stopped for status, count in each.statuses.items() if status != 200)


def _served(store: Path, workers: int) -> AbstractContextManager[Server]:
    return serving(store, NUNCHI_ENGINE="onnx", NUNCHI_WORKERS=str(workers), TMPDIR=str(store.parent))


def _children(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _files(store: Path) -> int:
    return sum(len(list(directory.iterdir())) for directory in store.parent.glob("nunchi-*"))


def _residue(server: Server, store: Path) -> tuple[int, int, int]:
    states = [Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2] for child in _children(server)]
    zombies = sum(state.split()[0] == "Z" for state in states)
    return _files(store), len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())), zombies
