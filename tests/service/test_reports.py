import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from service.errors import StoreUnavailableError, UnknownExperimentError, UnknownPhaseError
from service.experiments.watching import Status
from service.reporting import Report
from service.reports import Reports
from tests.service.experiments.declarations import experiment_of

pytestmark = pytest.mark.anyio


class FakeExperiments(NamedTuple):
    """Two that are declared."""

    statuses: tuple[Status, ...] = (
        Status(experiment_of(name="a"), "running", phase=1),
        Status(experiment_of(name="b"), "waiting", "gru/3 is loading"),
    )


class FakeStorage:
    """Finds what it is told to, once its gate is open, and counts how often it is asked."""

    def __init__(self) -> None:
        self.found: Report | Exception | None = {"number": 1}
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls = 0
        self.asked: list[tuple[str, int | None, bool]] = []

    async def call(self, function: Callable[[Any], Any]) -> Any:
        self.calls += 1
        found = self.found
        await self.gate.wait()
        if isinstance(found, Exception):
            raise found
        return found

    async def make(self, name: str, phase: int | None, running: bool) -> Any:
        self.asked.append((name, phase, running))
        return await self.call(lambda _: None)


class Desk:
    """Reports with a clock that tests set."""

    def __init__(self) -> None:
        self.storage = FakeStorage()
        self.reports = Reports(FakeExperiments(), self.storage, self.storage.make, kept_s=5)
        self.now = 100.0
        self.reports.clock = lambda: self.now


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_report_is_kept_for_some_seconds_and_no_longer(desk: Desk) -> None:
    assert await desk.reports.report("a") == {"number": 1}
    desk.storage.found = {"number": 2}
    desk.now += 5
    assert await desk.reports.report("a") == {"number": 1}
    desk.now += 0.1
    assert await desk.reports.report("a") == {"number": 2}
    assert desk.storage.calls == 2


async def test_whoever_asks_while_a_report_is_made_waits_for_it(desk: Desk) -> None:
    desk.storage.gate.clear()
    waiting = [asyncio.create_task(desk.reports.report("a")) for _ in range(10)]
    await asyncio.sleep(0)
    desk.now += 60  # it takes its time
    waiting += [asyncio.create_task(desk.reports.report("a")) for _ in range(10)]
    await asyncio.sleep(0)
    desk.storage.gate.set()
    assert await asyncio.gather(*waiting) == [{"number": 1}] * 20
    assert desk.storage.calls == 1


async def test_one_who_leaves_does_not_take_the_report_from_the_others(desk: Desk) -> None:
    desk.storage.gate.clear()
    leaving, staying = (asyncio.create_task(desk.reports.report("a")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    desk.storage.gate.set()
    assert await staying == {"number": 1}


async def test_phases_and_experiments_have_reports_of_their_own(desk: Desk) -> None:
    for name, phase in (("a", None), ("a", 1), ("a", 2), ("b", 1)):
        await desk.reports.report(name, phase)
    assert desk.storage.asked == [("a", None, True), ("a", 1, True), ("a", 2, True), ("b", 1, True)]


async def test_an_error_is_not_kept(desk: Desk) -> None:
    desk.storage.found = StoreUnavailableError("down")
    with pytest.raises(StoreUnavailableError):
        await desk.reports.report("a")
    desk.storage.found = {"number": 2}
    assert await desk.reports.report("a") == {"number": 2}


async def test_what_is_not_there_is_told_with_what_is(desk: Desk) -> None:
    desk.storage.found = None
    with pytest.raises(UnknownExperimentError, match=r"declared: a, b$"):
        await desk.reports.report("c")
    with pytest.raises(UnknownPhaseError, match="no phase of this number"):
        await desk.reports.report("b", 7)
    for question in (desk.reports.report("b"), desk.reports.to_label("b", 10)):
        with pytest.raises(UnknownPhaseError, match="has not begun: gru/3 is loading"):
            await question
