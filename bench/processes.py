"""What a process and all that it started cost, read from /proc (Linux)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    parent: int
    cpu_s: float


def family(root: int) -> list[int]:
    """Return a process and all its descendants that are alive."""
    parents = {pid: stat.parent for pid in _pids() if (stat := _stat(pid))}
    members = [root]
    for member in members:
        members.extend(pid for pid, parent in parents.items() if parent == member)
    return members


def cpu_s(pids: list[int]) -> float:
    """Return the processor time, in seconds, that processes have used, in user and in kernel mode."""
    return sum(stat.cpu_s for pid in pids if (stat := _stat(pid)))


def thread_times_ns(pids: list[int]) -> dict[str, int]:
    """Return the processor time, in nanoseconds, that each thread of these processes has used (`schedstat`)."""
    return dict(chain.from_iterable(map(_thread_times_ns, pids)))


def spent_us(before: dict[str, int], after: dict[str, int]) -> float:
    """Return what all threads together used between two looks, in microseconds; of one that ended, nothing is known."""
    return sum(used_ns - before.get(thread, 0) for thread, used_ns in after.items()) / 1e3


def memory_mb(pids: list[int]) -> float:
    """Return the resident memory of processes in MB (10^6 bytes); pages that they share are counted once."""
    return sum(_field(pid, "smaps_rollup", "Pss:") for pid in pids) / 1000


def resident_mb(pid: int) -> float:
    """Return the resident memory of one process in MB, as `ps` shows it."""
    return _field(pid, "status", "VmRSS:") / 1000


def has_mapped(pid: int, name: str) -> bool:
    """Tell whether a library whose path holds `name` is in the memory of a process."""
    return name in (_PROC / str(pid) / "maps").read_text(encoding="utf-8")


def steal_s() -> float:
    """Return for how long the host gave this machine's processors to others, in processor seconds since boot."""
    return int((_PROC / "stat").read_text(encoding="ascii").split()[8]) / _TICKS_PER_S


def _pids() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdigit()]


def _stat(pid: int) -> _Stat | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Stat(int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS_PER_S)


def _thread_times_ns(pid: int) -> Iterator[tuple[str, int]]:
    for file in (_PROC / str(pid) / "task").glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            yield str(file), int(file.read_text(encoding="ascii").split()[0])


def _field(pid: int, file: str, name: str) -> float:
    """Read a field given in kB; return it in units of 1000 bytes."""
    try:
        lines = (_PROC / str(pid) / file).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1.024 for line in lines if line.startswith(name)), 0)
