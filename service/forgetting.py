"""Forgets what the store holds: everything in time, and at once what belongs to a client who asks for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from service.identifiers import Pseudonyms
from service.logs import log_event, log_exception
from service.storage import Storage

if TYPE_CHECKING:
    from service.store.database import Database
    from service.store.retention import Purged

_PERIOD_S = 3_600.0
_DAY_S = 86_400.0


class Forgetting:
    """Keeps the store within its retention.

    Args:
        storage: what is forgotten in.
        flushed: waits until all texts that were answered so far stand in it.
        pseudonyms: under which clients stand in it.
        retention_days: how long anything is remembered.
        period_s: time between two looks, in seconds.
    """

    def __init__(
        self,
        storage: Storage,
        flushed: Callable[[], Awaitable[None]],
        pseudonyms: Pseudonyms,
        retention_days: int,
        period_s: float = _PERIOD_S,
    ) -> None:
        self._storage = storage
        self._flushed = flushed
        self._pseudonyms = pseudonyms
        self._retention_s = retention_days * _DAY_S
        self._period_s = period_s

    async def run(self) -> None:
        """Forget what is too old, again and again until cancelled; a store that nobody opened is left alone."""
        while True:
            if self._storage.is_open:
                await self._look()
            await asyncio.sleep(self._period_s)

    async def forget_client(self, key: str) -> int:
        """Delete what is stored of a client, labels included; return of how many predictions.

        Args:
            key: the value of its header X-Client-Key.

        Raises:
            StoreUnavailableError: if the store cannot be opened.
        """
        unit = self._pseudonyms.of_client(key)

        def forget(database: "Database") -> int:
            from service.store.retention import forget_unit  # noqa: PLC0415 - as in storage.py

            return forget_unit(database, unit)

        await self._flushed()
        return await self._storage.call(forget)

    async def _look(self) -> None:
        horizon = time.time() - self._retention_s

        def forget(database: "Database") -> "Purged":
            from service.store.retention import purge  # noqa: PLC0415 - as in storage.py

            return purge(database, horizon)

        try:
            purged = await self._storage.call(forget)
        except Exception as error:  # whatever the database raised, the next look may go well
            log_exception("purge_failed", error)
        else:
            if any(purged):
                log_event("purged", **purged._asdict())
