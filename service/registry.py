"""Which versions are known, loaded and served, and who answers for a name or an alias."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter
from typing import Any

from model_store.errors import StoreError, VersionRefusedError
from model_store.layout import VersionRef
from model_store.manifest import Manifest
from service.errors import EngineError, NoRoomError, NotReadyError, UnknownModelError
from service.logs import log_event, log_exception
from service.metrics import Metrics
from service.model import Model
from service.versions.answering import Answering, Named, answering
from service.versions.aside import call_aside
from service.versions.gauges import VersionGauges
from service.versions.memory import give_back
from service.versions.orders import STABLE, Aliases


class State(StrEnum):
    """What became of a version."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    REFUSED = "refused"
    UNLOADED = "unloaded"


@dataclass(frozen=True, slots=True)
class Entry:
    """One version: its state, and, while it is loaded or was once, what is known of it.

    Attributes:
        state: what became of it.
        reason: why it is refused, or not loaded, or still loaded.
        model: it, in memory.
        manifest: what it says of itself.
        digest: of its manifest.
        may_pass: whether the reason of its refusal may be gone later, without any change of its files.
    """

    state: State
    reason: str | None = None
    model: Model | None = None
    manifest: Manifest | None = None
    digest: str | None = None
    may_pass: bool = False


Load = Callable[[VersionRef], Model]
"""Verifies, opens, proves and warms a version; blocks for as long as that takes, in a thread."""

UnderWay = dict[VersionRef, asyncio.Task[bool]]


class Registry:
    """All versions and their states. It belongs to the event loop; only loading happens elsewhere.

    Immutable maps, replaced together by one step, are all that changes: so a request sees either the versions before a
    change or those after it, never anything between.

    Args:
        load: brings one version into memory.
        metrics: where states are shown.
    """

    def __init__(self, load: Load, metrics: Metrics) -> None:
        self._load = load
        self._gauges = VersionGauges(metrics)
        self.entries: Mapping[VersionRef, Entry] = {}
        """Every known version, sorted by name and number."""
        self.aliases: Aliases = {}
        """Where aliases are to point; until such a version is ready, the one before goes on answering."""
        self._ready: Answering = {}
        self._loads: UnderWay = {}
        self._drains: UnderWay = {}
        metrics.tensorflow_traces.set_function(self._traces)

    def get(self, name: str, version: Named) -> Model:
        """Return a version that is ready.

        Args:
            name: of the model.
            version: its number or alias; None for the alias `stable` if there is one, else for the latest.

        Raises:
            UnknownModelError: if there is none and waiting will not help.
            NotReadyError: if it is loading or draining.
        """
        model = self._ready.get((name, version))
        if model is None:
            raise self._absent(name, version)
        return model

    def answering(self, name: str, version: Named = None) -> VersionRef | None:
        """Return which version `get` would give, or None."""
        model = self._ready.get((name, version))
        return model.ref if model else None

    def announce(self, refs: Iterable[VersionRef]) -> None:
        """Make versions known that will be loaded, so that they are waited for rather than missed."""
        self._replace({ref: Entry(State.LOADING) for ref in refs})

    def leave_out(self, reasons: Mapping[VersionRef, str]) -> None:
        """Make versions known that are not in memory and not to be loaded, and why."""
        changed = {}
        for ref, reason in reasons.items():
            entry = self.entries.get(ref)
            if entry is None or (entry.state, entry.reason) != (State.UNLOADED, reason):
                changed[ref] = replace(entry or Entry(State.UNLOADED), state=State.UNLOADED, reason=reason)
        if changed:
            self._replace(changed)

    def explain(self, ref: VersionRef, reason: str | None) -> None:
        """Say why a version is served, if that is not what one would expect."""
        if reason:
            log_event("model_kept", logging.WARNING, version=str(ref), reason=reason)
        self._replace({ref: replace(self.entries[ref], reason=reason)})

    def idle(self, ref: VersionRef) -> bool:
        """Tell whether a version is neither in memory nor on its way there."""
        entry = self.entries.get(ref)
        return entry is None or (entry.model is None and ref not in self._loads)

    def forget(self, ref: VersionRef) -> None:
        """Know a version no longer that is idle."""
        self.entries = {known: entry for known, entry in self.entries.items() if known != ref}
        self._gauges.forgotten(ref)

    def point(self, aliases: Aliases) -> None:
        """Let aliases point elsewhere, each as soon as its version is ready."""
        self.aliases = aliases
        self._replace({})

    async def load(self, ref: VersionRef) -> bool:
        """Load a version and serve it, unless it is served already; whoever asks meanwhile waits for the same load.

        Whatever goes wrong is kept as the reason of its refusal and never touches another version.

        Returns:
            Whether it is ready.
        """
        if ref not in self._loads:
            if (known := self.entries.get(ref)) and known.state is State.READY:
                return True
            self._begin(self._loads, ref, self._load_whole(ref))
        return await asyncio.shield(self._loads[ref])

    async def unload(self, ref: VersionRef, reason: str | None = None) -> None:
        """Stop giving a version new requests, let it answer those it has, then drop it."""
        entry = self.entries[ref]
        if entry.state is not State.READY or entry.model is None:
            raise ValueError(f"{ref} is {entry.state}, not ready")
        self._replace({ref: replace(entry, state=State.DRAINING, reason=reason)})
        self._begin(self._drains, ref, self._drain(ref, entry.model))
        del entry  # and with it the last that holds the model
        await asyncio.shield(self._drains[ref])
        await asyncio.to_thread(give_back)

    async def close(self) -> None:
        """Unload everything; what is still loading is not waited for."""
        for loading in self._loads.values():
            loading.cancel()
        ready = [ref for ref, entry in self.entries.items() if entry.state is State.READY]
        await asyncio.gather(*(self.unload(ref) for ref in ready), *self._drains.values())

    def _begin(self, under_way: UnderWay, ref: VersionRef, work: Coroutine[Any, Any, bool]) -> None:
        """Do what comes to its end whether or not the one who wanted it waits."""
        task = under_way[ref] = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: under_way.pop(ref))

    async def _load_whole(self, ref: VersionRef) -> bool:
        if ref in self._drains:
            await self._drains[ref]
        self._replace({ref: Entry(State.LOADING)})
        started = perf_counter()
        try:
            model = await call_aside(self._load, ref)
        except Exception as error:  # an engine may raise anything over a damaged model; the others must live on
            self._refuse(ref, error)
            return False
        seconds = perf_counter() - started
        self._gauges.ready(model, seconds)
        self._replace({ref: Entry(State.READY, None, model, model.stored.manifest, model.stored.digest)})
        log_event("model_ready", version=str(ref), engine=model.engine.name, seconds=round(seconds, 3))
        return True

    async def _drain(self, ref: VersionRef, model: Model) -> bool:
        await model.batcher.drain()
        self._replace({ref: replace(self.entries[ref], state=State.UNLOADED, model=None)})
        self._gauges.unloaded(ref)
        log_event("model_unloaded", version=str(ref))
        return True

    def _replace(self, changes: Mapping[VersionRef, Entry]) -> None:
        entries = dict(sorted({**self.entries, **changes}.items()))
        ready = answering(_models(entries), self.aliases, self._ready)
        self._gauges.answering(self._ready, ready)
        self.entries, self._ready = entries, ready

    def _refuse(self, ref: VersionRef, error: Exception) -> None:
        reason = _reason(error)
        if reason is None:
            reason = f"it cannot be loaded: {type(error).__name__}"
            log_exception("model_load_failed", error, version=str(ref))
        reason = reason.encode(errors="backslashreplace").decode()  # a file name may be no valid Unicode
        self._replace({ref: Entry(State.REFUSED, reason, may_pass=isinstance(error, NoRoomError))})
        self._gauges.refused(ref)
        log_event("model_refused", version=str(ref), reason=reason)

    def _absent(self, name: str, version: Named) -> UnknownModelError | NotReadyError:
        """Say why there is no such version to answer, without repeating what the caller asked for."""
        target = self.aliases.get((name, STABLE if version is None else str(version)))
        wanted = target.version if target else version
        states = {
            entry.state for ref, entry in self.entries.items() if ref.name == name and wanted in (None, ref.version)
        }
        if states & {State.LOADING, State.DRAINING}:
            return NotReadyError("this version is not ready to answer: it is loading or draining")
        served = [str(ref) for ref, entry in self.entries.items() if entry.state is State.READY]
        if states or target:
            return UnknownModelError("this version is not served; GET /models says why", served)
        return UnknownModelError("there is no such model, version or alias", served)

    def _traces(self) -> float:
        return sum(entry.model.engine.traces for entry in self.entries.values() if entry.model)


def _reason(error: Exception) -> str | None:
    """Return why a version cannot be served; None for an error that nobody expected."""
    if isinstance(error, VersionRefusedError):
        return error.reason
    return str(error) if isinstance(error, (StoreError, EngineError)) else None


def _models(entries: Mapping[VersionRef, Entry]) -> dict[VersionRef, Model]:
    """Return those that may be given requests."""
    return {ref: entry.model for ref, entry in entries.items() if entry.state is State.READY and entry.model}
