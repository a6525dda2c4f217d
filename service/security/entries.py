"""The file of the keys: what it may hold, and how it is read and written. It never holds a key, only its SHA-256."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from service.errors import StartError
from service.security.limiting import PATTERN
from service.state_files import locked, write_whole

Scope = Literal["predict", "feedback", "admin", "metrics"]
"""What a key may do; `service.security.scopes` says where."""

ID_DIGITS = 12
"""Of the hash, by which a key is named: too few to be found by chance, and they help nobody to find the key."""


class Entry(BaseModel):
    """One key, as the file describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    limit: Annotated[str | None, Field(pattern=f"^{PATTERN}$")] = None
    burst: Annotated[int | None, Field(ge=1, le=10**9)] = None

    @property
    def id(self) -> str:
        """By what it is revoked and logged."""
        return self.sha256[:ID_DIGITS]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[Entry, ...]

    @field_validator("keys")
    @classmethod
    def _each_once(cls, keys: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if len({key.id for key in keys}) < len(keys):
            raise ValueError("two keys have the same hash")
        return keys


class KeysFileError(StartError):
    """The file of the keys is not what it should be; the message says where, and holds nothing of a hash."""


def read(path: Path) -> bytes:
    """Return what the file holds.

    Raises:
        KeysFileError: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        hint = "; python -m service keys create makes it" if isinstance(error, FileNotFoundError) else ""
        raise KeysFileError(f"NUNCHI_API_KEYS_FILE: {path} cannot be read: {error.strerror}{hint}") from error


def decode(content: bytes, path: Path) -> tuple[Entry, ...]:
    """Return the keys that it describes.

    Raises:
        KeysFileError: if it is no JSON, or not what `Entry` says.
    """
    try:
        return _Document.model_validate_json(content).keys
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise KeysFileError(f"NUNCHI_API_KEYS_FILE: {path}: {place}: {first['msg']}") from None


@contextmanager
def changing(path: Path) -> Iterator[tuple[tuple[Entry, ...], Callable[[Sequence[Entry]], None]]]:
    """Give what the file holds, nothing if it is not there, and what replaces it; nobody else changes it meanwhile.

    Raises:
        KeysFileError: if it is broken, or may not be read or written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path):
            known = decode(read(path), path) if path.exists() else ()
            yield known, lambda entries: _write(path, entries)
    except OSError as error:
        raise KeysFileError(f"{path} cannot be written: {error.strerror}") from error


def _write(path: Path, entries: Sequence[Entry]) -> None:
    content = {"keys": [entry.model_dump(mode="json", exclude_none=True) for entry in entries]}
    write_whole(path, (json.dumps(content, indent=2) + "\n").encode())
