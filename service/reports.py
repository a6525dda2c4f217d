"""Reports of experiments as requests ask for them: each is made once for all who ask, and kept for seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Protocol

from service.errors import UnknownExperimentError, UnknownPhaseError
from service.experiments.observation import Observation
from service.experiments.watching import Status
from service.reporting import Report
from service.storage import Found

if TYPE_CHECKING:
    from service.store.database import Database

KEPT_S = 5.0
"""How old a report may be: a million texts take seconds to read, and a page that reloads must not do so each time."""

Make = Callable[[str, int | None, bool], Awaitable[Report | None]]
"""Makes the report on a phase of an experiment that runs or does not; None if there is no such phase."""


class Declared(Protocol):
    """Knows what became of the experiments that are declared."""

    @property
    def statuses(self) -> tuple[Status, ...]:
        """One for each, in the order of the file."""


class Store(Protocol):
    """Lets functions read what is stored."""

    async def call(self, function: "Callable[[Database], Found]") -> Found:
        """Return what a function finds; it is called in a thread."""


class _Kept(NamedTuple):
    """A report that is made or was, and when it was asked for (`time.monotonic`)."""

    asked_at: float
    report: "asyncio.Task[Report]"


class Reports:
    """Answers what a store knows of declared experiments. It belongs to the event loop.

    Args:
        experiments: those that are declared.
        storage: where observations and labels are.
        make: makes reports.
        kept_s: how long a report is kept, in seconds.
    """

    clock: Callable[[], float] = staticmethod(monotonic)

    def __init__(self, experiments: Declared, storage: Store, make: Make, kept_s: float = KEPT_S) -> None:
        self._experiments = experiments
        self._storage = storage
        self._make = make
        self._kept_s = kept_s
        self._kept: dict[tuple[str, int | None], _Kept] = {}

    def status(self, name: str) -> Status:
        """Return what became of an experiment.

        Raises:
            UnknownExperimentError: if none of this name is declared.
        """
        for status in self._experiments.statuses:
            if status.experiment.name == name:
                return status
        raise UnknownExperimentError(status.experiment.name for status in self._experiments.statuses)

    async def report(self, name: str, phase: int | None = None) -> Report:
        """Return the report on a phase, some seconds old at most; whoever asks meanwhile waits for the same.

        Args:
            name: of the experiment.
            phase: its number; None for the newest.

        Raises:
            UnknownExperimentError, UnknownPhaseError, StoreUnavailableError.
        """
        status = self.status(name)
        self._forget_old()
        kept = self._kept.get((name, phase))
        if kept is None:
            kept = _Kept(self.clock(), asyncio.create_task(self._made(status, phase)))
            self._kept[name, phase] = kept
        return await asyncio.shield(kept.report)  # one who leaves must not take it from the others

    async def to_label(self, name: str, limit: int) -> tuple[int, list[Observation]]:
        """Return the number of the newest phase of an experiment, and what people should label of it next.

        Raises:
            UnknownExperimentError, UnknownPhaseError, StoreUnavailableError.
        """
        status = self.status(name)

        def call(database: "Database") -> tuple[int, list[Observation]] | None:
            from service.store.phases import read_phases  # noqa: PLC0415 - as in storage.py
            from service.store.reading import disagreements  # noqa: PLC0415 - as in storage.py

            phases = read_phases(database, name)
            return (phases[-1].number, disagreements(database, name, phases[-1].number, limit)) if phases else None

        found = await self._storage.call(call)
        if found is None:
            raise _missing(status, None)
        return found

    async def _made(self, status: Status, phase: int | None) -> Report:
        experiment = status.experiment
        report = await self._make(experiment.name, phase, experiment.state == "running")
        if report is None:
            raise _missing(status, phase)
        return report

    def _forget_old(self) -> None:
        """Forget what is too old, and what went wrong; what is still being made is as good as new."""
        oldest = self.clock() - self._kept_s
        self._kept = {
            key: kept
            for key, kept in self._kept.items()
            if not kept.report.done() or (kept.asked_at >= oldest and kept.report.exception() is None)
        }


def _missing(status: Status, phase: int | None) -> UnknownPhaseError:
    if phase is not None:
        return UnknownPhaseError("this experiment has no phase of this number")
    return UnknownPhaseError(f"this experiment has not begun: {status.reason or f'it is {status.state}'}")
