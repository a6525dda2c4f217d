"""Opens the store when it is first needed: a service that keeps nothing never loads the libraries of a database."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from service.errors import StartError, StoreUnavailableError
from service.experiments.observation import LabelGiven, LabelResult
from service.logs import log_event
from service.store.tallies import WriterTallies

if TYPE_CHECKING:
    from service.store.database import Database
    from service.store.writer import LabelWriter

Found = TypeVar("Found")


class Storage:
    """The store of one process, open or not yet. It belongs to the event loop.

    Args:
        url: as SQLAlchemy writes it.

    Attributes:
        tallies: what the writer of labels counted so far.
    """

    def __init__(self, url: str) -> None:
        self.tallies = WriterTallies()
        self._url = url
        self._opening = asyncio.Lock()
        self._opened: _Opened | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything needed the store so far."""
        return self._opened is not None

    @property
    def waiting(self) -> int:
        """How many labels are accepted and not yet committed."""
        return self._opened.writer.waiting if self._opened else 0

    def open(self) -> None:
        """Open the store at the start, for a service that is going to need it; this takes up to some seconds.

        Raises:
            StartError: if it cannot be used; the message is meant for a person.
        """
        self._opened = _open(self._url, self.tallies)

    async def label(self, given: LabelGiven) -> LabelResult:
        """Keep a label; from the answer on no `kill -9` takes it back.

        Raises:
            StoreUnavailableError: if it could not be written.
        """
        return await (self._opened or await self._late()).writer.label(given)

    async def recent_texts(self, limit: int) -> list[str]:
        """Return the texts that were kept last, none if nothing has needed the store yet."""
        if self._opened is None:
            return []
        from service.store.reading import recent_texts  # noqa: PLC0415 - loaded with the store

        return await self.call(lambda database: recent_texts(database, limit))

    async def call(self, function: "Callable[[Database], Found]") -> Found:
        """Return what a function makes of the store; it is called in a thread.

        Raises:
            StoreUnavailableError: if the store cannot be opened.
        """
        return await asyncio.to_thread(function, (self._opened or await self._late()).database)

    async def close(self) -> None:
        """Write the labels that were accepted, then close the store."""
        async with self._opening:
            opened, self._opened = self._opened, None
            if opened is not None:
                await asyncio.to_thread(opened.writer.close)
                opened.database.close()

    async def _late(self) -> "_Opened":
        """Open the store for the first request that needs it; one that fails leaves it to the next to try again."""
        async with self._opening:
            if self._opened is None:
                try:
                    await asyncio.to_thread(self.open)
                except StartError as error:
                    log_event("store_unavailable", logging.ERROR, reason=str(error))
        if self._opened is None:
            raise StoreUnavailableError("the store cannot be opened; the log says why")
        return self._opened


class _Opened(NamedTuple):
    database: "Database"
    writer: "LabelWriter"


def _open(url: str, tallies: WriterTallies) -> _Opened:
    from service.store.database import open_database  # noqa: PLC0415 - half a second that many services never spend
    from service.store.writer import LabelWriter  # noqa: PLC0415 - as above

    database = open_database(url)
    writer = LabelWriter(database, tallies)
    writer.start()
    return _Opened(database, writer)
