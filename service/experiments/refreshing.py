"""Keeps the gauges of experiments up to date: asks for the report of the one that runs, twice a minute."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic, time
from typing import Any, Protocol

from service.experiments.gauges import ExperimentGauges
from service.experiments.watching import Status
from service.logs import log_exception

_LOOK_S = 1.0
"""Time between two looks at what became of the experiments."""

PERIOD_S = 30.0
"""From the end of one report to the beginning of the next, so that they never pile up, however long one takes."""


class Declared(Protocol):
    """Knows what became of the experiments that are declared."""

    @property
    def statuses(self) -> tuple[Status, ...]:
        """One for each."""

    @property
    def broken(self) -> str | None:
        """Why their file is not in force as it is."""


Report = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Makes the report on the newest phase of the experiment of this name."""


class Refresher:
    """Shows on gauges what the newest reports say. It belongs to the event loop.

    Args:
        experiments: those that are declared.
        report: makes reports, in a process of their own.
        gauges: where their figures are shown.
        period_s: from the end of one report to the beginning of the next, in seconds.
    """

    clock: Callable[[], float] = staticmethod(monotonic)

    def __init__(
        self, experiments: Declared, report: Report, gauges: ExperimentGauges, period_s: float = PERIOD_S
    ) -> None:
        self._experiments = experiments
        self._report = report
        self._gauges = gauges
        self._period_s = period_s
        self._seen: tuple[Status, ...] = ()
        self._due_at = 0.0

    async def run(self) -> None:
        """Keep the gauges up to date until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # the store may be back at the next; the age of the report tells
                log_exception("experiment_gauges_failed", error)
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> None:
        """Show what changed; if it is time, also what a new report says."""
        self._gauges.broken.set(self._experiments.broken is not None)
        self._follow(self._experiments.statuses)
        running = [status for status in self._seen if status.state == "running"]
        if running and self.clock() >= self._due_at:
            await self._refresh(running[0])

    def _follow(self, statuses: tuple[Status, ...]) -> None:
        if statuses == self._seen:
            return
        for status in statuses:
            if status not in self._seen:
                self._gauges.show(status)
                self._due_at = 0.0
        for name in _names(self._seen) - _names(statuses):
            self._gauges.forget(name)
        self._seen = statuses

    async def _refresh(self, status: Status) -> None:
        try:
            report = await self._report(status.experiment.name)
        finally:
            self._due_at = self.clock() + self._period_s
        if status in self._experiments.statuses:  # else it is another phase's, or nobody's, by now
            self._gauges.show(status, report, time())


def _names(statuses: tuple[Status, ...]) -> set[str]:
    return {status.experiment.name for status in statuses}
