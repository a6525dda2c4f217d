"""Files and pipes of bytes, unpacked if they are gzipped, looked at before they are taken."""

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from service.bulk.errors import RunError
from service.bulk.framing import MAX_ROW_BYTES
from service.bulk.rows import Chunk, Position
from service.errors import StartError

PIPE = "-"
CHUNK_BYTES = 1 << 20
"""Of one chunk: some nine thousand reviews, a sixth of a second of work."""

_GZIP_MAGIC = b"\x1f\x8b"


class ByteStream:
    """The bytes of a file, or of standard input if its name is `-`.

    Raises:
        StartError: if it cannot be read.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        try:
            self._file = io.BufferedReader(
                io.FileIO(sys.stdin.fileno() if name == PIPE else name, closefd=name != PIPE)
            )
            status = os.fstat(self._file.fileno())
            packed = self._file.peek(2)[:2] == _GZIP_MAGIC
        except OSError as error:
            raise StartError(f"{name} cannot be read: {error.strerror}") from error
        self._bytes = status.st_size if name != PIPE and stat.S_ISREG(status.st_mode) else None
        self._unpacked: BinaryIO = gzip.GzipFile(fileobj=self._file) if packed else self._file  # type: ignore[assignment]
        self._pending = b""
        self.offset = 0
        """Bytes that were taken, after unpacking."""

    @property
    def share(self) -> float | None:
        """How much of the file was read, 0 to 1; None for a pipe."""
        if self._bytes is None:
            return None
        return min(1.0, self._file.tell() / self._bytes) if self._bytes else 1.0

    def look(self, size: int) -> bytes:
        """Return the next bytes without taking them; fewer than `size` only at the end.

        Raises:
            RunError: if they cannot be read.
        """
        try:
            while len(self._pending) < size and (more := self._unpacked.read(size - len(self._pending))):
                self._pending += more
        except (OSError, EOFError, zlib.error) as error:
            raise RunError(f"{self._name} cannot be read after {self.offset} bytes: {error}") from error
        return self._pending[:size]

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, which were looked at before."""
        taken, self._pending = self._pending[:size], self._pending[size:]
        self.offset += size
        return taken

    def skip_to(self, offset: int) -> None:
        """Take and forget everything before `offset`."""
        if self._unpacked is self._file and self._bytes is not None and offset <= self._bytes:
            self._file.seek(offset)
            self._pending, self.offset = b"", offset
        while self.offset < offset:
            passed = self.look(min(CHUNK_BYTES, offset - self.offset))
            if not passed:
                raise RunError(f"{self._name} has only {self.offset} bytes; {offset} were read before")
            self.take(len(passed))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def cut_chunks(stream: ByteStream, start: Position, whole_rows: Callable[[bytes], int]) -> Iterator[Chunk]:
    """Yield the rest of a stream in chunks of whole rows. Where one ends depends on nothing but where it began.

    Args:
        stream: the bytes.
        start: where the first chunk begins; not behind what was taken already.
        whole_rows: returns the length of the whole rows at the beginning of a block.
    """
    stream.skip_to(start.offset)
    line, size = start.line, CHUNK_BYTES
    while block := stream.look(size):
        length = len(block) if len(block) < size else whole_rows(block)
        if not length and size < 2 * MAX_ROW_BYTES:
            size *= 2
            continue
        body = stream.take(length) if length else _begin_oversized(stream)
        end = Position(stream.offset, line + max(1, body.count(b"\n")))
        yield Chunk(body, line, end, stream.share, oversized=not length)
        line, size = end.line, CHUNK_BYTES


def _begin_oversized(stream: ByteStream) -> bytes:
    """Take a row that is too large and return its beginning, without a line break."""
    begin = stream.look(1000)
    while block := stream.look(CHUNK_BYTES):
        newline = block.find(b"\n")
        stream.take(newline + 1 if newline >= 0 else len(block))
        if newline >= 0:
            break
    return begin.replace(b"\n", b" ")


def size_and_time(name: str) -> tuple[int, int]:
    """Return size in bytes and time of change in nanoseconds: what tells a file from another one."""
    found = Path(name).stat()
    return found.st_size, found.st_mtime_ns
