"""Follows what is declared and what is ready, and keeps the experiment that answers requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from model_store.layout import VersionRef
from service.errors import ServiceError
from service.experiments.declaration import Experiment, decode, read_bytes
from service.experiments.fields import DeclarationError
from service.experiments.live import Live, LiveArm, design_of, fingerprint
from service.experiments.resolving import Obstacle, resolve
from service.logs import log_event, log_exception
from service.registry import Entry

PATIENCE_S = 60.0
"""How long the process that records may take to load the arms; a file that changes meanwhile is read afterwards."""


class Versions(Protocol):
    """What is known of the versions: the registry."""

    @property
    def entries(self) -> Mapping[VersionRef, Entry]:
        """Every known version with its state."""

    def answering(self, name: str, version: str) -> VersionRef | None:
        """Return which version answers for an alias of a model, or None."""


class Phases(Protocol):
    """Numbers phases, the same for all processes that share the store."""

    async def open(self, experiment: str, fingerprint: str, design: Mapping[str, object]) -> int:
        """Return the number of the newest phase if it has this fingerprint; else open the next.

        Raises:
            StoreUnavailableError: if the store cannot be asked.
        """


Prepare = Callable[[Live], Awaitable[None]]
"""Returns once the texts of an experiment can be recorded."""


class Status(NamedTuple):
    """What became of a declared experiment.

    Attributes:
        experiment: as declared.
        state: `running`; `waiting` for its arms or the store; `refused`, because its arms cannot be compared;
            `stopped`, because the file says so.
        reason: why it is waiting or refused, else None.
        phase: its number while it is running, else None.
    """

    experiment: Experiment
    state: Literal["running", "waiting", "refused", "stopped"]
    reason: str | None = None
    phase: int | None = None


class Experiments:
    """The experiments of one process. It belongs to the event loop.

    Args:
        path: the file that declares them; None if there are none.
        registry: the versions that are ready.
        phases: numbers their phases.
        prepare: makes everything ready for an experiment that is about to run.
        period_s: time between two looks at the file and the registry, in seconds.

    Raises:
        DeclarationError: if the file is broken. Once it runs, a broken file changes nothing but `broken`.

    Attributes:
        live: what answers requests now, or None; replaced by one assignment, never changed.
        statuses: what became of each experiment, in the order of the file.
        broken: why the file as it is now is not in force; None if it is.
    """

    def __init__(
        self, path: Path | None, registry: Versions, phases: Phases, prepare: Prepare, period_s: float = 1.0
    ) -> None:
        self._path = path
        self._registry = registry
        self._phases = phases
        self._prepare = prepare
        self._period_s = period_s
        self._judged = self._seen = read_bytes(path) if path else b""
        self._fault: str | None = None
        self._declared = decode(self._judged, path) if path else ()
        self.live: Live | None = None
        self.statuses = tuple(_not_yet(experiment) for experiment in self._declared)
        self.broken: str | None = None

    def pinned(self) -> set[VersionRef]:
        """Return the versions without which the experiment that runs could not go on: those of its arms."""
        running = [arm for experiment in self._declared if experiment.state == "running" for arm in experiment.arms]
        named = {VersionRef(arm.model, arm.version) for arm in running if isinstance(arm.version, int)}
        return named | ({arm.ref for arm in self.live.arms} if self.live else set())

    async def run(self) -> None:
        """Follow the file and the registry until cancelled; without a file there is nothing to follow."""
        while self._path is not None:
            try:
                await self.look()
            except Exception as error:  # whatever it was, the next look may find it gone
                log_exception("experiments_watch_failed", error)
            await asyncio.sleep(self._period_s)

    async def look(self) -> None:
        """Bring `live` into step with the file and the registry once."""
        if self._path is not None:
            await self._read(self._path)
        running = next((experiment for experiment in self._declared if experiment.state == "running"), None)
        found = await self._start(running) if running else None
        self.live = found if isinstance(found, Live) else None
        self._tell(tuple(_status(experiment, found) for experiment in self._declared))

    async def _read(self, path: Path) -> None:
        """Take over a new declaration once two looks found it the same, lest it be one that is half written."""
        try:
            content = await asyncio.to_thread(read_bytes, path)
        except DeclarationError as error:
            self._tell_broken(str(error))
            return
        if content != self._judged and content == self._seen:
            self._judge(content, path)
        self._seen = content
        self._tell_broken(self._fault)

    def _judge(self, content: bytes, path: Path) -> None:
        self._judged = content
        try:
            self._declared = decode(content, path)
        except DeclarationError as error:
            self._fault = str(error)
        else:
            self._fault = None
            log_event("experiments_declared", names=[experiment.name for experiment in self._declared])

    async def _start(self, experiment: Experiment) -> Live | Obstacle:
        serving = {arm.ref for arm in self.live.arms} if self.live else set[VersionRef]()
        refs = resolve(experiment, self._registry.entries, serving, self._registry.answering)
        if isinstance(refs, Obstacle):
            return refs
        if self.live and self.live.experiment == experiment and tuple(arm.ref for arm in self.live.arms) == refs:
            return self.live
        try:
            phase = await self._phases.open(experiment.name, fingerprint(experiment, refs), design_of(experiment, refs))
        except ServiceError as error:
            return Obstacle("waiting", f"its phase cannot be numbered: {error}")
        except Exception as error:  # a database may raise anything; requests must not suffer for it
            log_exception("phase_not_opened", error, experiment=experiment.name)
            return Obstacle("waiting", f"its phase cannot be numbered: {type(error).__name__}")
        arms = zip(experiment.arms, refs, strict=True)
        live = Live(experiment, phase, tuple(LiveArm(arm.name, ref, arm.weight) for arm, ref in arms))
        try:
            await asyncio.wait_for(self._prepare(live), PATIENCE_S)
        except TimeoutError:
            return Obstacle("waiting", "the process that records its texts is not ready")
        return live

    def _tell(self, statuses: tuple[Status, ...]) -> None:
        for status in statuses:
            if status not in self.statuses:
                level = logging.WARNING if status.reason else logging.INFO
                name, phase = status.experiment.name, status.phase
                fields = {"experiment": name, "state": status.state, "phase": phase, "reason": status.reason}
                log_event("experiment_changed", level, **fields)
        self.statuses = statuses

    def _tell_broken(self, reason: str | None) -> None:
        if reason and reason != self.broken:
            log_event("experiments_file_broken", logging.ERROR, reason=reason)
        self.broken = reason


def _not_yet(experiment: Experiment) -> Status:
    return _status(experiment, Obstacle("waiting", "the service is starting"))


def _status(experiment: Experiment, found: Live | Obstacle | None) -> Status:
    if experiment.state == "stopped" or found is None:
        return Status(experiment, "stopped")
    if isinstance(found, Obstacle):
        return Status(experiment, found.state, found.reason)
    return Status(experiment, "running", phase=found.phase)
