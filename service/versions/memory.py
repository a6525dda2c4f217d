"""How much memory a version will take, and how much there is: what would not fit is not loaded."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from model_store.layout import FUSED_BATCH_GRAPH, FUSED_GRAPH, VersionRef
from service.errors import NoRoomError
from service.settings import Settings

CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")

MEBIBYTE = 2**20

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of `mallopt`, as in malloc.h of the GNU C library."""
_LARGE_BYTES, _LARGEST_BYTES, _SPARE_BYTES = MEBIBYTE, 32 * MEBIBYTE, 16 * MEBIBYTE
"""What is large while a version is loaded, and at other times (as far as it goes); what may be left over of a heap."""


class Room:
    """Tells whether there is memory for a version.

    Args:
        settings: where the store is, what runs the models, and how many processes load them at the same time.
    """

    def __init__(self, settings: Settings) -> None:
        self._store = settings.model_store
        self._tensorflow = settings.engine == "tensorflow" or settings.device == "gpu"
        self._copies = settings.workers

    def require(self, ref: VersionRef) -> None:
        """Return if a version fits into what is free.

        Raises:
            NoRoomError: if it does not fit; with both figures.
        """
        free = free_bytes()
        needed = self._copies * self._needed(ref)
        if free is not None and needed > free:
            raise NoRoomError(f"it needs about {_mb(needed)} of memory, and {_mb(free)} are free")

    def suffices(self, ref: VersionRef) -> bool:
        """Tell whether a version fits."""
        free = free_bytes()
        return free is None or self._copies * self._needed(ref) <= free

    def _needed(self, ref: VersionRef) -> int:
        return needed_bytes(self._store / ref.name / str(ref.version), self._tensorflow)


def needed_bytes(path: Path, tensorflow: bool) -> int:
    """Estimate what a version takes once it is loaded, from the sizes of its files; rather too much than too little."""
    fused = path / FUSED_GRAPH
    if not tensorflow and fused.is_file():
        graphs = sum(_size(path / graph) for graph in (FUSED_GRAPH, FUSED_BATCH_GRAPH))
        return _FUSED_BYTES + round(_FUSED_FACTOR * graphs)
    return _TENSORFLOW_BYTES + round(_TENSORFLOW_FACTOR * sum(map(_size, path.rglob("*"))))


@contextmanager
def large_apart() -> Iterator[None]:
    """Let large pieces, as weights are, lie apart while a version is loaded: so they go back the moment they are free.

    In the heaps of the C library they leave holes: 5 to 15 MB after a swap that even `give_back` does not find, and to
    look for the others takes it five milliseconds. Batches come and go too often for that; theirs stay in the heaps.
    """
    _choose(_TRIM_THRESHOLD, _SPARE_BYTES)
    _choose(_MMAP_THRESHOLD, _LARGE_BYTES)
    try:
        yield
    finally:
        _choose(_MMAP_THRESHOLD, _LARGEST_BYTES)


def _choose(parameter: int, value: int) -> None:
    with suppress(OSError, AttributeError):  # there may be another allocator
        ctypes.CDLL(None).mallopt(parameter, value)


def give_back() -> None:
    """Give back memory that is free within the process: the allocator of the C library keeps it, 40 MB in some swaps.

    This takes less than a millisecond, in which other threads may wait for memory.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def allowed_bytes(path: Path, tensorflow: bool) -> int:
    """Return how much a process may take to prove a version: several times what it needs, but no more than is free."""
    fused = not tensorflow and (path / FUSED_GRAPH).is_file()
    most = (_PROVE_FUSED_BYTES if fused else _PROVE_TENSORFLOW_BYTES) + _PROVE_FACTOR * needed_bytes(path, tensorflow)
    free = free_bytes()
    return most if free is None else min(most, free)


def free_bytes(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> int | None:
    """Return how much memory this process may still take, None if nobody says."""
    found = [free for free in (_free_in_cgroup(cgroup), _free_on_machine(meminfo)) if free is not None]
    return min(found, default=None)


def _free_in_cgroup(cgroup: Path) -> int | None:
    """Read the limit of the container and what it uses, but for the pages of files that can be dropped at once."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            free = int((cgroup / limit).read_text(encoding="ascii")) - int((cgroup / used).read_text(encoding="ascii"))
            stat = (cgroup / limit).with_name("memory.stat").read_text(encoding="ascii")
        except (OSError, ValueError):  # there is no such file, or it says `max`
            continue
        return max(0, free + _field(stat, "inactive_file ", 1))
    return None


def _free_on_machine(meminfo: Path) -> int | None:
    try:
        return _field(meminfo.read_text(encoding="ascii"), "MemAvailable:", 1024)
    except OSError:
        return None


def _field(text: str, name: str, unit: int) -> int:
    return sum(int(line.split()[1]) * unit for line in text.splitlines() if line.startswith(name))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _mb(size: int) -> str:
    return f"{size / MEBIBYTE:.0f} MiB"


# The shipped versions, with graphs of 5.3 MB, take 12 to 20 MB, and up to 50 MB more while they are loaded.
_FUSED_BYTES, _FUSED_FACTOR = 16 * MEBIBYTE, 6.0
# Not measured: on the safe side of what compiled programs are seen to take.
_TENSORFLOW_BYTES, _TENSORFLOW_FACTOR = 96 * MEBIBYTE, 4.0
_PROVE_FUSED_BYTES, _PROVE_TENSORFLOW_BYTES, _PROVE_FACTOR = 256 * MEBIBYTE, 4096 * MEBIBYTE, 4
