"""The file in which orders are kept: the same for all workers, whole at every moment, there after a restart."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from service.errors import OrdersUnavailableError, StartError
from service.logs import log_event
from service.state_files import locked, write_whole
from service.versions.orders import Orders, from_json, to_json

Change = Callable[[Orders], Orders]
"""Makes other orders of those in force; what it raises leaves them as they are."""


class OrdersFile:
    """Orders in a file. It belongs to the event loop.

    Args:
        path: of the file; without one nothing was ordered.

    Raises:
        StartError: if the file is there and cannot be used.

    Attributes:
        orders: those in force.
        broken: why the file as it is now is not in force; None if it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._suspect: bytes | None = None
        self._changes = 0
        self.broken: str | None = None
        try:
            self.orders = _decoded(_read(path))
        except (OSError, ValueError) as error:
            raise StartError(
                f"NUNCHI_VERSIONS_FILE: {path} cannot be used: {_words(error)}; mend or remove it"
            ) from error

    async def refresh(self) -> None:
        """Take over what the file says now. What cannot be used twice in a row is told, and changes nothing else."""
        before = self._changes
        try:
            content = await asyncio.to_thread(_read, self._path)
        except OSError as error:
            self._tell(_words(error))
            return
        if self._changes != before:
            return  # what was read may be older than what this process wrote meanwhile
        try:
            self.orders = _decoded(content)
        except ValueError as error:
            if content == self._suspect:  # else it may be half written
                self._tell(_words(error))
            self._suspect = content
        else:
            self._suspect = self.broken = None

    async def change(self, change: Change) -> Orders:
        """Change the orders, as all processes see them, and return what they are then.

        Raises:
            OrdersUnavailableError: if the file cannot be read or written.
        """
        try:
            changed = await asyncio.to_thread(self._write, change)
        except (OSError, ValueError) as error:
            raise OrdersUnavailableError(_words(error)) from error
        self._changes += 1
        self.orders, self.broken = changed, None
        return changed

    def _write(self, change: Change) -> Orders:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._path):
            before = _decoded(_read(self._path))
            after = change(before)
            if after != before:
                write_whole(self._path, to_json(after).encode())
        return after

    def _tell(self, reason: str) -> None:
        if reason != self.broken:
            log_event("versions_file_broken", logging.ERROR, reason=reason)
        self.broken = reason


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _decoded(content: bytes) -> Orders:
    return from_json(content.decode()) if content else Orders()


def _words(error: Exception) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
