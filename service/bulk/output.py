"""Where scored and rejected rows go: files that can be gone on with, and that appear when they are complete."""

import fcntl
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from model_store.files import flush
from service.bulk.checkpoint import Checkpoint, read_checkpoint
from service.bulk.rows import Position
from service.bulk.scorer import Result
from service.errors import StartError

CHECKPOINT_S = 2.0
"""Between two checkpoints: about as much work is lost by a crash."""

Finish = Callable[[Path, Path], None]
"""Makes the output, at the second path, of the parts that are in the first."""


@dataclass(frozen=True, slots=True)
class Names:
    """The files of a run."""

    out: Path
    rejected: Path

    @property
    def partial(self) -> Path:
        """The output while it grows."""
        return _beside(self.out, ".partial")

    @property
    def partial_rejected(self) -> Path:
        """The rejected rows while they become more."""
        return _beside(self.rejected, ".partial")

    @property
    def checkpoint(self) -> Path:
        """How far the run has come."""
        return _beside(self.out, ".checkpoint.json")


class Output(Protocol):
    """Takes what became of chunks, in order."""

    state: Checkpoint
    """What it took so far, those of an interrupted run included."""

    def append(self, result: Result, end: Position) -> None:
        """Take what became of the chunk that ends at `end`."""

    def complete(self) -> None:
        """Note that the input is at its end."""

    def publish(self, *, output: bool) -> None:
        """Let the rejected rows appear under their own name, and so the output if asked to."""

    def close(self) -> None:
        """Close what is open; what was not published can be gone on with."""


class FileOutput:
    """Files that can be gone on with.

    Args:
        names: of the files.
        state: where to begin.
        head: what stands before all rows.
        finish: how parts become the output; None if they are it.

    Raises:
        StartError: if they cannot be written, or another run writes them now.
    """

    def __init__(self, names: Names, state: Checkpoint, head: bytes, finish: Finish | None = None) -> None:
        self._names = names
        self._finish = finish
        self._saved_s = float("-inf")
        self._files: list[BinaryIO] = []
        self.state = state
        if not state.complete:
            try:
                self._begin(head)
            except OSError as error:
                self.close()
                raise StartError(f"{error.filename or names.out} cannot be written: {error.strerror}") from error
            except StartError:
                self.close()
                raise

    def append(self, result: Result, end: Position) -> None:
        """Take what became of a chunk; now and then, make sure that it is on the disk."""
        for file, rows in zip(self._files, (result.output, result.rejected), strict=True):
            file.write(rows)
        self.state = counted(self.state, result, end)
        if time.monotonic() - self._saved_s >= CHECKPOINT_S:
            self._save()
            self._saved_s = time.monotonic()

    def complete(self) -> None:
        """Note that the input is at its end."""
        if not self.state.complete:
            self.state = replace(self.state, complete=True)
            self._save()

    def publish(self, *, output: bool) -> None:
        """Let the files appear; interrupted anywhere, it can be called again by the next run."""
        names = self._names
        if names.partial_rejected.exists():
            if self.state.rejected:
                names.partial_rejected.replace(names.rejected)
            else:
                names.partial_rejected.unlink()
                names.rejected.unlink(missing_ok=True)
        if not output:
            return
        if names.partial.exists():
            self._finished().replace(names.out)
            names.partial.unlink(missing_ok=True)
        flush(names.out.parent)
        names.checkpoint.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files; those of a run that never came to its first rows are removed."""
        begun = self.state.complete or self.state.position is not None
        for file in self._files:
            if not begun:
                Path(file.name).unlink(missing_ok=True)
            with suppress(OSError):  # a full disk again: what counts was flushed by the last checkpoint
                file.close()

    def _begin(self, head: bytes) -> None:
        names, state = self._names, self.state
        self._files.append(_open(names.partial, state.output_bytes))
        self._files.append(_open(names.partial_rejected, state.rejected_bytes))
        if not state.output_bytes:
            self._files[0].write(head)
            self.state = replace(state, output_bytes=len(head))

    def _finished(self) -> Path:
        if self._finish is None:
            return self._names.partial
        finished = _beside(self._names.out, ".finished")
        self._finish(self._names.partial, finished)
        with finished.open("rb") as file:
            os.fsync(file.fileno())
        return finished

    def _save(self) -> None:
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        self.state.write(self._names.checkpoint)


def begin(names: Names, identity: Mapping[str, Any], *, resume: bool, overwrite: bool) -> Checkpoint:
    """Return where a run that writes `names` must begin.

    Raises:
        StartError: if it would replace what is there without being told to, or cannot go on.
    """
    if resume and (found := read_checkpoint(names.checkpoint, identity)):
        if not (names.partial.exists() or (found.complete and names.out.exists())):
            raise StartError(f"{names.partial} is gone; begin anew with --overwrite")
        return found
    if names.out.exists() and not overwrite:
        raise StartError(f"{names.out} exists; --overwrite replaces it")
    if names.checkpoint.exists() and not overwrite:
        raise StartError(f"an interrupted run left {names.partial}; --resume goes on, --overwrite begins anew")
    names.checkpoint.unlink(missing_ok=True)
    return Checkpoint(identity)


def counted(state: Checkpoint, result: Result, end: Position) -> Checkpoint:
    """Return the state after one more chunk."""
    return replace(
        state,
        position=end,
        output_bytes=state.output_bytes + len(result.output),
        rejected_bytes=state.rejected_bytes + len(result.rejected),
        scored=state.scored + result.scored,
        reasons=dict(Counter(state.reasons) + Counter(result.reasons)),
    )


def _open(path: Path, size: int) -> BinaryIO:
    """Open a file for writing behind its first `size` bytes; the rest is cut off. Nobody else may write it."""
    with ExitStack() as closing:
        file = closing.enter_context(path.open("ab"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(f"another run writes {path} now") from error
        if file.tell() < size:
            raise StartError(f"{path} is shorter than it was; begin anew with --overwrite")
        file.truncate(size)
        closing.pop_all()
    return file


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
