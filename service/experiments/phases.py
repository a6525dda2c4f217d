"""Numbers phases in the store."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from service.storage import Storage

if TYPE_CHECKING:
    from service.store.database import Database


class StoredPhases:
    """The phases of a store, as `Experiments` asks for them.

    Args:
        storage: opened when it is first asked.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def open(self, experiment: str, fingerprint: str, design: Mapping[str, object]) -> int:
        """Return the number of the newest phase if it has this fingerprint; else open the next.

        Raises:
            StoreUnavailableError: if the store cannot be opened.
        """

        def call(database: "Database") -> int:
            from service.store.phases import open_phase  # noqa: PLC0415 - as in storage.py

            return open_phase(database, experiment, fingerprint, design, time.time())

        return await self._storage.call(call)
