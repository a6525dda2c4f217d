"""Writes scored rows to standard output as they come."""

import sys
from pathlib import Path

from service.bulk.checkpoint import Checkpoint
from service.bulk.output import counted
from service.bulk.rows import Position
from service.bulk.scorer import Result


class PipeOutput:
    """Standard output for scored rows; rejected ones go to standard error or a file. Nothing can be gone on with."""

    def __init__(self, head: bytes, rejected: Path | None) -> None:
        self.state = Checkpoint({})
        self._rejected = rejected.open("wb") if rejected else sys.stderr.buffer
        sys.stdout.buffer.write(head)

    def append(self, result: Result, end: Position) -> None:
        """Write what became of a chunk."""
        sys.stdout.buffer.write(result.output)
        self._rejected.write(result.rejected)
        self.state = counted(self.state, result, end)

    def complete(self) -> None:
        """Write what was kept back."""
        sys.stdout.buffer.flush()
        self._rejected.flush()

    def publish(self, *, output: bool) -> None:
        """Do nothing: everything was written as it came."""

    def close(self) -> None:
        """Close the file of the rejected rows."""
        if self._rejected is not sys.stderr.buffer:
            self._rejected.close()
