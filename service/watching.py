"""Keeps what is served in step with the model store, the policy, aliases, and what administrators decided."""

import asyncio
import logging
from collections.abc import Iterable, Set
from os import walk
from pathlib import Path

from model_store.errors import StoreError
from model_store.layout import VersionRef, list_versions
from service.loading import load_order
from service.logs import log_event, log_exception
from service.registry import Registry, State
from service.settings import Settings
from service.versions.memory import Room, give_back
from service.versions.orders_file import OrdersFile
from service.versions.wishes import Wishes

Fingerprint = frozenset[tuple[str, int, int, int]]
"""Of the files of a version: path, size, time of the last change (ns) and inode."""


class Watcher:
    """Looks at the model store again and again, each worker for itself, so that a change reaches all of them.

    Args:
        registry: what is served.
        settings: say where the store is.
        orders: what administrators decided; looked at as well.
        wishes: tell what of it all is to be served.
        period_s: time between two looks, in seconds.
    """

    def __init__(
        self, registry: Registry, settings: Settings, orders: OrdersFile, wishes: Wishes, period_s: float = 1.0
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._orders = orders
        self._wishes = wishes
        self._period_s = period_s
        self._room = Room(settings)
        self._tried: dict[VersionRef, Fingerprint] = {}
        self._seen: dict[VersionRef, Fingerprint] = {}
        self._readable = True

    def begin(self, listed: Iterable[VersionRef]) -> list[VersionRef]:
        """Make known what the first look is going to load, and return it."""
        listed = frozenset(listed)
        self._registry.point(self._orders.orders.aliases)
        wanted = self._wishes.wanted(listed).serve
        self._registry.announce(wanted)
        self._leave_out(listed - wanted)
        return load_order(wanted, self._settings)

    async def run(self) -> None:
        """Follow everything until cancelled."""
        await self._look_safely()
        states = [entry.state for entry in self._registry.entries.values()]
        log_event("all_loaded", ready=states.count(State.READY), refused=states.count(State.REFUSED))
        await asyncio.to_thread(give_back)
        while True:
            await asyncio.sleep(self._period_s)
            await self._look_safely()

    async def look(self) -> None:
        """Bring the registry into step once.

        A store that cannot be read, or is empty all of a sudden, is one that is not there for the moment (not mounted,
        most likely): what is served goes on being served.
        """
        await self._orders.refresh()
        if self._orders.orders.aliases != self._registry.aliases:
            self._registry.point(self._orders.orders.aliases)
        if listed := await self._list():
            await self._load_wanted(listed)
            await self._drop_unwanted()

    async def _look_safely(self) -> None:
        try:
            await self.look()
        except Exception as error:  # whatever it was, the next look may find it gone
            log_exception("model_store_watch_failed", error)

    async def _list(self) -> frozenset[VersionRef]:
        """Return what is in the store; nothing if it is not there for the moment."""
        try:
            listed = frozenset(await asyncio.to_thread(list_versions, self._settings.model_store))
            reason = None if listed else "the model store is empty"
        except (StoreError, OSError) as error:
            listed, reason = frozenset(), str(error)
        if reason and self._readable:
            log_event("model_store_unavailable", logging.WARNING, reason=reason)
        self._readable = not reason
        return listed

    async def _load_wanted(self, listed: frozenset[VersionRef]) -> None:
        """Load one after the other what is wanted and not ready; what that is may be another after each."""
        chances = await self._another_chance(listed)
        tried: set[VersionRef] = set()
        while to_load := self._to_load(listed, chances - tried) - tried:
            ref = load_order(to_load, self._settings, self._registry.aliases.values())[0]
            tried.add(ref)
            self._tried[ref] = self._seen[ref] = await self._fingerprint(ref)
            await self._registry.load(ref)

    def _to_load(self, listed: frozenset[VersionRef], chances: Set[VersionRef]) -> set[VersionRef]:
        ready = {ref for ref, entry in self._registry.entries.items() if entry.state is State.READY}
        return {*self._wishes.wanted(listed, chances).serve} - ready

    async def _another_chance(self, listed: Iterable[VersionRef]) -> frozenset[VersionRef]:
        """Return what was refused and may be good by now: its files have changed and are at rest, or there is room."""
        found = set()
        for ref in listed:
            entry = self._registry.entries.get(ref)
            if entry is None or entry.state is not State.REFUSED:
                continue
            now = await self._fingerprint(ref)
            changed = now == self._seen.get(ref) != self._tried.get(ref)
            if changed or (entry.may_pass and await asyncio.to_thread(self._room.suffices, ref)):
                found.add(ref)
            self._seen[ref] = now
        return frozenset(found)

    async def _drop_unwanted(self) -> None:
        """Unload one after the other what is ready and need not stay; then say what became of the rest.

        The store is listed anew each time: loading and draining take long, and an administrator may have loaded by name
        what was published meanwhile.
        """
        while listed := await self._list():
            keep = self._wishes.wanted(listed).keep
            ready = [ref for ref, entry in self._registry.entries.items() if entry.state is State.READY]
            ref = next((ref for ref in ready if ref not in keep), None)
            if ref is None:
                self._explain(listed)
                return
            await self._registry.unload(ref, self._wishes.reason(ref) if ref in listed else "its directory is gone")

    def _explain(self, listed: frozenset[VersionRef]) -> None:
        """Say of every version that is not served why, and of one that is without a directory; forget what is gone."""
        registry, names = self._registry, {ref.name for ref in listed}
        wanted = self._wishes.wanted(listed).serve
        refused = {ref for ref, entry in registry.entries.items() if entry.state is State.REFUSED}
        self._leave_out(ref for ref in listed - wanted - refused if registry.idle(ref))
        for ref, entry in registry.entries.items():
            gone = ref not in listed
            if entry.state is State.READY and gone != bool(entry.reason):
                registry.explain(ref, self._wishes.why_kept(ref) if gone else None)
            if gone and registry.idle(ref) and (entry.manifest is None or ref.name in names):
                registry.forget(ref)
                self._tried.pop(ref, None)
                self._seen.pop(ref, None)

    def _leave_out(self, refs: Iterable[VersionRef]) -> None:
        self._registry.leave_out({ref: self._wishes.reason(ref) for ref in refs})

    async def _fingerprint(self, ref: VersionRef) -> Fingerprint:
        return await asyncio.to_thread(fingerprint, self._settings.model_store / ref.name / str(ref.version))


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
