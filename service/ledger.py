"""Where numbers are written down: in the memory of this process, or in files that all workers can read.

A process writes only to its own page, and so needs no lock for that. A page is two files: `<number>.cells`, the
numbers, mapped into memory, and `<number>.keys`, which says what each of them is. A number is in the file as soon as
it is written, and stays when its process is killed.
"""

import errno
import fcntl
import json
import mmap
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple, Protocol, TypeAlias

SUPERVISOR = 0
"""The number of the page that takes up those of workers that died; workers have higher ones."""

Kept = Literal["always", "while_served", "never"]
"""What becomes of a series when its worker dies. `never`: it is dropped, as a gauge is. Else it is added up for good,
and shown for good or for as long as a living worker shows its own part."""

Cells: TypeAlias = "memoryview[float]"
"""Numbers of a series, each 8 bytes: first whether it is shown (1 or 0), then its values. Every write is one store, so
that whoever reads sees the number before or after it."""

_SEGMENT = 65_536
"""Bytes by which a page grows; a multiple of the page size of every processor."""


class Series(NamedTuple):
    """What is written in some cells: the metric, the values of its labels, the number of cells, what becomes of it."""

    name: str
    labels: tuple[str, ...]
    size: int
    kept: Kept


class Entry(NamedTuple):
    """A series and its numbers at one moment, `[shown, *values]`."""

    series: Series
    cells: list[float]


class Page(NamedTuple):
    """What one process wrote; `worker`: whether it answers requests, or is the supervisor, which keeps the dead's."""

    worker: bool
    entries: list[Entry]


class Ledger(Protocol):
    """Takes the numbers of this process and gives those of all."""

    def reserve(self, series: Series) -> Cells:
        """Return cells for a series, all 0; call it once for each."""

    def read(self) -> list[Page]:
        """Return the pages of all processes, at one moment between two deaths."""


class PrivateLedger:
    """A ledger of one page, in memory."""

    def __init__(self) -> None:
        self._reserved: list[tuple[Series, Cells]] = []

    def reserve(self, series: Series) -> Cells:
        """Return cells for a series."""
        cells = memoryview(bytearray(8 * series.size)).cast("d")
        self._reserved.append((series, cells))
        return cells

    def read(self) -> list[Page]:
        """Return the page of this process."""
        return [Page(True, [Entry(series, list(cells)) for series, cells in self._reserved])]


class SharedLedger:
    """A ledger with a page for each process.

    Args:
        directory: of all pages of one service.
        number: of the page of this process, which nobody had before.
        hidden: whether others read it only from `show` on.
    """

    def __init__(self, directory: Path, number: int, *, hidden: bool = False) -> None:
        self._directory = directory
        self._cells = os.open(_cells_path(directory, number), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._free = memoryview(b"").cast("d")
        self._first = self._size = 0
        self._kept: dict[tuple[str, tuple[str, ...]], Cells] = {}
        self._reserving = Lock()
        keys = _hidden_path(directory, number) if hidden else _keys_path(directory, number)
        self._keys = os.open(keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        for descriptor in (self._cells, self._keys):
            weakref.finalize(self, os.close, descriptor)  # it lives as long as the process, but for tests

    def reserve(self, series: Series) -> Cells:
        """Return cells for a series.

        Raises:
            OSError: if there is no room for them in the file system.
        """
        with self._reserving:
            if series.size > len(self._free):
                self._grow()
            self._write_key([*series, self._first])
            cells, self._free = self._free[: series.size], self._free[series.size :]
            self._first += series.size
        return cells

    def read(self) -> list[Page]:
        """Return the pages of all processes."""
        with _locked(self._directory, fcntl.LOCK_SH):
            numbers = sorted(int(path.stem) for path in self._directory.glob("*.keys"))
            return [Page(number != SUPERVISOR, _entries(self._directory, number)) for number in numbers]

    def fold(self, number: int) -> None:
        """Add the page of a process that died to this one, and remove it; nothing if it wrote none."""
        with _locked(self._directory, fcntl.LOCK_EX):
            if _keys_path(self._directory, number).exists():
                for entry in _entries(self._directory, number):
                    if entry.series.kept != "never":
                        self._add(entry)
            for path_of in (_keys_path, _hidden_path, _cells_path):
                path_of(self._directory, number).unlink(missing_ok=True)

    def show(self, number: int) -> None:
        """Let a page be read that was hidden."""
        with suppress(FileNotFoundError):  # it was not
            _hidden_path(self._directory, number).rename(_keys_path(self._directory, number))

    def _add(self, entry: Entry) -> None:
        key = entry.series.name, entry.series.labels
        cells = self._kept.get(key)
        if cells is None:
            cells = self._kept[key] = self.reserve(entry.series)
            cells[0] = float(entry.series.kept == "always")
        for place, value in enumerate(entry.cells[1:], 1):
            cells[place] += value

    def _write_key(self, key: list[object]) -> None:
        """Append a line in one piece; it counts only with its end."""
        line = json.dumps(key).encode() + b"\n"
        if (written := os.write(self._keys, line)) < len(line):
            os.ftruncate(self._keys, os.fstat(self._keys).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _grow(self) -> None:
        """Map some more of the file; what is left of the last segment stays unused."""
        os.pwrite(self._cells, bytes(_SEGMENT), self._size)  # taken now: a full disk is an error here, later a SIGBUS
        self._free = memoryview(mmap.mmap(self._cells, _SEGMENT, offset=self._size)).cast("d")
        self._first = self._size // 8
        self._size += _SEGMENT


def _entries(directory: Path, number: int) -> list[Entry]:
    """Read a page; a last line of keys without its end is of a process killed while it wrote, and has no numbers."""
    keys = _keys_path(directory, number).read_bytes()
    if not keys:
        return []
    with (
        _cells_path(directory, number).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as octets,
        octets.cast("d") as cells,
    ):
        return [_entry(line, cells) for line in keys.splitlines(keepends=True) if line.endswith(b"\n")]


def _entry(line: bytes, cells: Cells) -> Entry:
    name, labels, size, kept, first = json.loads(line)
    return Entry(Series(name, tuple(labels), size, kept), list(cells[first : first + size]))


def _keys_path(directory: Path, number: int) -> Path:
    return directory / f"{number}.keys"


def _hidden_path(directory: Path, number: int) -> Path:
    return directory / f"{number}.hidden"


def _cells_path(directory: Path, number: int) -> Path:
    return directory / f"{number}.cells"


@contextmanager
def _locked(directory: Path, kind: int) -> Iterator[None]:
    """Keep pages from being folded while they are read, for a millisecond; a process that is killed holds no lock."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
