"""Keeps what is served in step with the model store: what is published is loaded, what is removed is unloaded."""

import asyncio
import logging
from collections.abc import Iterable
from os import walk
from pathlib import Path

from model_store.errors import StoreError
from model_store.layout import VersionRef, list_versions
from service.loading import load_order
from service.logs import log_event, log_exception
from service.registry import Registry, State
from service.settings import Settings

Fingerprint = frozenset[tuple[str, int, int, int]]
"""Of the files of a version: path, size, time of the last change (ns) and inode."""


class Watcher:
    """Looks at the model store again and again, each worker for itself, so that a change reaches all of them.

    Args:
        registry: what is served.
        settings: say where the store is.
        period_s: time between two looks, in seconds.
    """

    def __init__(self, registry: Registry, settings: Settings, period_s: float = 1.0) -> None:
        self._registry = registry
        self._settings = settings
        self._period_s = period_s
        self._tried: dict[VersionRef, Fingerprint] = {}
        self._seen: dict[VersionRef, Fingerprint] = {}
        self._readable = True

    async def run(self) -> None:
        """Load every version that is known, then follow the store until cancelled."""
        ready = [await self._load(ref) for ref in load_order(self._registry.entries, self._settings)]
        log_event("all_loaded", ready=sum(ready), refused=len(ready) - sum(ready))
        while True:
            await asyncio.sleep(self._period_s)
            try:
                await self.look()
            except Exception as error:  # whatever it was, the next look may find it gone
                log_exception("model_store_watch_failed", error)

    async def look(self) -> None:
        """Bring the registry into step with the store once.

        A store that cannot be read, or is empty all of a sudden, is one that is not there for the moment (not mounted,
        most likely): what is served goes on being served.
        """
        try:
            listed = await asyncio.to_thread(list_versions, self._settings.model_store)
        except (StoreError, OSError) as error:
            self._tell_once(str(error))
            return
        if not listed:
            self._tell_once("the model store is empty")
            return
        self._readable = True
        for ref in load_order(await self._worth_loading(listed), self._settings):
            await self._load(ref)
        for ref in self._registry.entries.keys() - set(listed):
            if self._registry.entries[ref].state is State.READY:
                await self._registry.unload(ref)

    async def _worth_loading(self, listed: Iterable[VersionRef]) -> list[VersionRef]:
        """Return what is new or back, and what was refused and has been changed, once the change has come to an end."""
        found = []
        for ref in listed:
            entry = self._registry.entries.get(ref)
            if entry is None or entry.state is State.UNLOADED:
                found.append(ref)
            elif entry.state is State.REFUSED:
                now = await self._fingerprint(ref)
                if now == self._seen.get(ref) != self._tried.get(ref):
                    found.append(ref)
                self._seen[ref] = now
        return found

    async def _load(self, ref: VersionRef) -> bool:
        self._tried[ref] = self._seen[ref] = await self._fingerprint(ref)
        return await self._registry.load(ref)

    async def _fingerprint(self, ref: VersionRef) -> Fingerprint:
        return await asyncio.to_thread(fingerprint, self._settings.model_store / ref.name / str(ref.version))

    def _tell_once(self, reason: str) -> None:
        if self._readable:
            log_event("model_store_unavailable", logging.WARNING, reason=reason)
        self._readable = False


def fingerprint(version: Path) -> Fingerprint:
    """Return what tells whether the files of a version have been changed, without reading them."""
    found = set()
    for parent, _, names in walk(version):
        for name in names:
            path = Path(parent, name)
            try:
                status = path.lstat()
            except OSError:  # it went away meanwhile, and so the next fingerprint will be another
                continue
            found.add((str(path.relative_to(version)), status.st_size, status.st_mtime_ns, status.st_ino))
    return frozenset(found)
