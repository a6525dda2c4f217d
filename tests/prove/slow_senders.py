"""Hundreds of slow connections and endless bodies: those who ask honestly notice nothing, and no memory is lost."""

import os
import tempfile
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.prove.attackers import Attack, Found, attack, longest
from tests.prove.honest import Rate, Waits, ask
from tests.system.server import Server, serving
from tests.versions import publish_version

MIB = 1024 * 1024
SETTLE_S = 1.0
"""Before anything is measured."""


class Size(NamedTuple):
    """How many attackers, how long each phase takes, and how long clients may be slow.

    Attributes:
        slow: connections that are held at once.
        bodies: that are sent, of `body_bytes` each.
        body_bytes: of one body.
        per_second: honest requests.
        seconds: of each of the two phases, without and with attackers.
        limits: settings of the service.
        longest_s: for which a slow connection may be open with these.
    """

    slow: int
    bodies: int
    body_bytes: int
    per_second: float
    seconds: float
    limits: dict[str, str]
    longest_s: float


QUICK = {
    "NUNCHI_HEADER_TIMEOUT_S": "1",
    "NUNCHI_BODY_TIMEOUT_S": "1",
    "NUNCHI_ANSWER_TIMEOUT_S": "1",
}
SMALL = Size(60, 10, 50 * MIB, 100, 2, QUICK, 3)
CONTROL = Size(30, 4, 12 * MIB, 50, 1, QUICK, 3)
FULL = Size(500, 100, 1024 * MIB, 400, 30, {}, 12)


class Measured(NamedTuple):
    """What the proof found.

    Attributes:
        before: how long honest clients waited without attackers.
        during: the same with them.
        attack: what became of the attackers.
        grown_bytes: of resident memory, at the worst moment of the attack against that of the phase before.
        open_after: connections that the service still had when the attackers were done.
    """

    before: Waits
    during: Waits
    attack: Found
    grown_bytes: int
    open_after: int


def prove(size: Size, directory: Path, **limits: str) -> Measured:
    """Run the proof in an empty directory, with further settings."""
    publish_version(directory / "store")
    context = get_context("spawn")
    with (
        serving(directory / "store", None, True, **{"NUNCHI_ENGINE": "onnx", **size.limits, **limits}) as server,
        ProcessPoolExecutor(1, context, _on, (-1,)) as honest,
        ProcessPoolExecutor(1, context, _on, (-1,)) as hostile,
    ):
        _place(server.process.pid, 0)
        port = int(server.url.rpartition(":")[2])
        for path in ("/openapi.json", "/metrics"):  # what is made once
            httpx.get(f"{server.url}{path}", timeout=60).raise_for_status()
        honest.submit(ask, Rate(port, size.per_second, SETTLE_S)).result()
        _forget_peak(server)
        before = honest.submit(ask, Rate(port, size.per_second, size.seconds)).result()
        least = _peak_bytes(server)
        plan = Attack(port, size.slow, size.bodies, size.body_bytes, size.seconds, size.longest_s)
        under_way: Future[Found] = hostile.submit(attack, plan)
        during = honest.submit(ask, Rate(port, size.per_second, size.seconds)).result()
        found = under_way.result()
        return Measured(before, during, found, _peak_bytes(server) - least, _connections(server))


def complaints(size: Size, measured: Measured) -> list[str]:
    """Name everything that is not as it should be, apart from times, which depend on what else the machine does."""
    found = [f"{one.kind}: still open after {one.seconds:.0f} s" for one in measured.attack.held if not one.closed]
    found += [
        f"{one.framing}: {one.size / MIB:.0f} MiB were taken, answered {one.status}"
        for one in measured.attack.sent
        if one.status != 413 or one.size > 8 * MIB
    ]
    if measured.before.failed + measured.during.failed:
        found.append(f"{measured.before.failed + measured.during.failed} honest requests failed")
    if measured.grown_bytes > 8 * MIB:
        found.append(f"memory grew by {measured.grown_bytes / MIB:.1f} MiB")
    if measured.open_after:
        found.append(f"{measured.open_after} connections are left")
    return sorted(Counter(found))


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        measured = prove(size, Path(directory))
    with tempfile.TemporaryDirectory() as directory:
        control = prove(CONTROL, Path(directory), **LIFTED)
    before, during = measured.before.percentile(0.99), measured.during.percentile(0.99)
    statuses = Counter(one.status for one in measured.attack.sent)
    kinds = {one.kind for one in measured.attack.held}
    taken = max(one.size for one in measured.attack.sent)
    asked = [len(phase.seconds) for phase in (measured.before, measured.during)]
    rows = {
        "honest requests, without and with attackers": f"{asked[0]:,}, {asked[1]:,}",
        "of these not answered with 200": f"{measured.before.failed + measured.during.failed}",
        "p99 without attackers, with them": f"{before * 1e3:.2f} ms, {during * 1e3:.2f} ms: {during / before:.2f}x",
        "slow connections in all": f"{len(measured.attack.held):,}",
        **{f"longest with {kind}": f"{longest(measured.attack.held, kind):.1f} s" for kind in sorted(kinds)},
        "answers to the bodies": ", ".join(f"{count} x {status}" for status, count in statuses.items()),
        "most that was taken of one, buffers of the kernel included": f"{taken / MIB:.1f} MiB",
        "memory at its worst, against before": f"{measured.grown_bytes / MIB:+.1f} MiB",
        "not as it should be": "; ".join(complaints(size, measured)) or "0",
        "the same without limits (small counts), not as it should be": f"{len(complaints(CONTROL, control))} kinds",
    }
    return "\n".join(
        [
            "## Slow senders",
            "",
            f"{size.slow} slow connections at once (a third each by headers, bodies, and answers that are not read; "
            f"who is cut off begins anew) and {size.bodies} bodies of {size.body_bytes / MIB:,.0f} MiB, half "
            f"of them in chunks, for {size.seconds:.0f} s, beside {size.per_second:.0f} honest requests a second. "
            "Server, attackers and honest clients are processes; the server has one processor.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {what} | {result} |" for what, result in rows.items()),
        ]
    )


LIFTED = {
    "NUNCHI_HEADER_TIMEOUT_S": "3600",
    "NUNCHI_BODY_TIMEOUT_S": "3600",
    "NUNCHI_BODY_BYTES_PER_S": "1",
    "NUNCHI_ANSWER_TIMEOUT_S": "3600",
    "NUNCHI_MAX_BODY_BYTES": "1000000000",
}
"""Settings with which nothing is limited: the control."""


def _on(processor: int) -> None:
    """Put this process on a processor."""
    _place(0, processor)


def _place(process: int, processor: int) -> None:
    """Put a process on a processor of those that there are, by its place; on a machine with one only, all share it."""
    available = sorted(os.sched_getaffinity(0)) if process == 0 else sorted(os.sched_getaffinity(process))
    os.sched_setaffinity(process, {available[processor]})


def _forget_peak(server: Server) -> None:
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def _peak_bytes(server: Server) -> int:
    """Return the most memory that was resident since the peak was forgotten."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _connections(server: Server) -> int:
    """Return how many sockets with a client the process still has."""
    descriptors = Path(f"/proc/{server.process.pid}/fd")
    inodes = {os.readlink(link) for link in descriptors.iterdir() if link.is_symlink()}
    lines = Path(f"/proc/{server.process.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum(f"socket:[{line.split()[9]}]" in inodes and line.split()[3] != "0A" for line in lines)
