"""Which versions are known, loaded and served."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter

from model_store.errors import StoreError, VersionRefusedError
from model_store.layout import VersionRef
from model_store.manifest import Manifest
from service.errors import EngineError, NotReadyError, UnknownModelError
from service.logs import log_event, log_exception
from service.metrics import Metrics
from service.model import Model


class State(StrEnum):
    """What became of a version."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    REFUSED = "refused"
    UNLOADED = "unloaded"


@dataclass(frozen=True, slots=True)
class Entry:
    """One version: its state, why it was refused, and, while it is loaded or was once, what is known of it."""

    state: State
    reason: str | None = None
    model: Model | None = None
    manifest: Manifest | None = None
    digest: str | None = None


Load = Callable[[VersionRef], Model]
"""Verifies, opens, proves and warms a version; blocks for as long as that takes, in a thread."""


class Registry:
    """All versions and their states. It belongs to the event loop; only loading happens elsewhere.

    Two immutable maps, each replaced by one assignment, are all that changes: so a request sees either the versions
    before a change or those after it, never anything between.

    Args:
        load: brings one version into memory.
        metrics: where states are shown.
    """

    def __init__(self, load: Load, metrics: Metrics) -> None:
        self._load = load
        self._metrics = metrics
        self.entries: Mapping[VersionRef, Entry] = {}
        """Every known version, sorted by name and number."""
        self._ready: Mapping[tuple[str, int | None], Model] = {}
        metrics.tensorflow_traces.set_function(self._traces)

    def get(self, name: str, version: int | None) -> Model:
        """Return a version that is ready; with None, the latest one of the model.

        Raises:
            UnknownModelError: if there is none and waiting will not help.
            NotReadyError: if it is loading or draining.
        """
        model = self._ready.get((name, version))
        if model is None:
            raise self._absent(name, version)
        return model

    def ready(self, name: str) -> bool:
        """Tell whether any version of a model can answer."""
        return (name, None) in self._ready

    def announce(self, refs: Sequence[VersionRef]) -> None:
        """Make versions known that will be loaded, so that they are waited for rather than missed."""
        self._replace({ref: Entry(State.LOADING) for ref in refs})

    async def load(self, ref: VersionRef) -> bool:
        """Load a version and serve it; if it is the latest of its name, it answers for the name from then on.

        Whatever goes wrong is kept as the reason of its refusal and never touches another version.

        Returns:
            Whether it is ready.

        Raises:
            ValueError: if it is in memory already.
        """
        if (known := self.entries.get(ref)) and known.model is not None:
            raise ValueError(f"{ref} is {known.state} already")
        self._replace({ref: Entry(State.LOADING)})
        started = perf_counter()
        try:
            model = await asyncio.to_thread(self._load, ref)
        except Exception as error:  # an engine may raise anything over a damaged model; the others must live on
            self._refuse(ref, error)
            return False
        seconds = perf_counter() - started
        self._show(model, seconds)
        self._replace({ref: Entry(State.READY, None, model, model.stored.manifest, model.stored.digest)})
        log_event("model_ready", version=str(ref), engine=model.engine.name, seconds=round(seconds, 3))
        return True

    async def unload(self, ref: VersionRef) -> None:
        """Stop giving a version new requests, let it answer those it has, then drop it."""
        entry = self.entries[ref]
        if entry.state is not State.READY or entry.model is None:
            raise ValueError(f"{ref} is {entry.state}, not ready")
        self._replace({ref: replace(entry, state=State.DRAINING)})
        await entry.model.batcher.drain()
        self._replace({ref: replace(entry, state=State.UNLOADED, model=None)})
        self._metrics.forget(ref)
        self._metrics.model_loaded.labels(*_labels(ref)).set(0)
        log_event("model_unloaded", version=str(ref))

    async def swap(self, old: VersionRef, new: VersionRef) -> bool:
        """Load `new`; once it is ready, unload `old`. If it is refused, `old` stays.

        Returns:
            Whether the swap took place.
        """
        if not await self.load(new):
            return False
        await self.unload(old)
        return True

    async def close(self) -> None:
        """Unload everything."""
        ready = [ref for ref, entry in self.entries.items() if entry.state is State.READY]
        await asyncio.gather(*(self.unload(ref) for ref in ready))

    def _replace(self, changes: Mapping[VersionRef, Entry]) -> None:
        entries = dict(sorted({**self.entries, **changes}.items()))
        ready: dict[tuple[str, int | None], Model] = {}
        for ref, entry in entries.items():
            if entry.state is State.READY and entry.model is not None:
                ready[ref.name, ref.version] = ready[ref.name, None] = entry.model
        self.entries, self._ready = entries, ready

    def _refuse(self, ref: VersionRef, error: Exception) -> None:
        if isinstance(error, VersionRefusedError):
            reason = error.reason
        elif isinstance(error, (StoreError, EngineError)):
            reason = str(error)
        else:
            reason = f"it cannot be loaded: {type(error).__name__}"
            log_exception("model_load_failed", error, version=str(ref))
        reason = reason.encode(errors="backslashreplace").decode()  # a file name may be no valid Unicode
        self._replace({ref: Entry(State.REFUSED, reason)})
        self._metrics.model_refused.labels(*_labels(ref)).set(1)
        self._metrics.model_loaded.labels(*_labels(ref)).set(0)
        log_event("model_refused", version=str(ref), reason=reason)

    def _show(self, model: Model, seconds: float) -> None:
        labels = _labels(model.ref)
        metrics = self._metrics
        metrics.model_loaded.labels(*labels).set(1)
        metrics.model_refused.labels(*labels).set(0)
        metrics.model_load_duration.labels(*labels).set(seconds)
        metrics.model_info.labels(*labels, model.stored.digest, model.engine.name, model.engine.device).set(1)
        metrics.pending_requests.labels(*labels).set_function(lambda: model.batcher.pending)

    def _absent(self, name: str, version: int | None) -> UnknownModelError | NotReadyError:
        """Say why there is no such version to answer, without repeating what the caller asked for."""
        states = {
            entry.state for ref, entry in self.entries.items() if ref.name == name and version in (None, ref.version)
        }
        if states & {State.LOADING, State.DRAINING}:
            return NotReadyError("this version is not ready to answer: it is loading or draining")
        served = [str(ref) for ref, entry in self.entries.items() if entry.state is State.READY]
        if states:
            return UnknownModelError("this version is not served; GET /models says why", served)
        return UnknownModelError("there is no such model or version", served)

    def _traces(self) -> float:
        return sum(entry.model.engine.traces for entry in self.entries.values() if entry.model)


def _labels(ref: VersionRef) -> tuple[str, str]:
    return ref.name, str(ref.version)
