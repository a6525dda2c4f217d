"""The files of a version on disk: which there are, what they hash to, and that they survive a loss of power."""

import hashlib
import os
from pathlib import Path

from model_store.errors import ManifestError, VersionRefusedError
from model_store.manifest import FileRecord


def regular_files(path: Path) -> set[str]:
    """Return the relative paths of all files below `path`; refuse links and everything that is not a plain file."""
    if path.is_symlink():
        raise VersionRefusedError(path, "is a symbolic link")
    files: set[str] = set()
    if not path.exists():
        return files
    for parent, directories, names in os.walk(path, onerror=_raise):
        for name in (*directories, *names):
            child = Path(parent, name)
            if child.is_symlink() or not (child.is_dir() or child.is_file()):
                raise VersionRefusedError(path, f"{child.relative_to(path)} is not a plain file")
        files.update(str(Path(parent, name).relative_to(path)) for name in names)
    return files


def read_small(path: Path, most: int) -> bytes:
    """Read a plain file of at most `most` bytes.

    Raises:
        ManifestError: if it has more, or is a pipe, which would keep whoever reads it waiting.
    """
    if path.exists() and not path.is_file():
        raise ManifestError(f"{path.name} is not a plain file")
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ManifestError(f"{path.name} is larger than {most} bytes")
    return raw


def record_of(path: Path) -> FileRecord:
    """Return the size and the hash of a file."""
    with path.open("rb") as file:
        return FileRecord(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def flush(path: Path) -> None:
    """Make a file or directory survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise(error: OSError) -> None:
    """Let `os.walk` pass over nothing."""
    raise error
