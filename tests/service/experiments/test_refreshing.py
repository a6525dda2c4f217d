import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from service.experiments.gauges import ExperimentGauges
from service.experiments.refreshing import PERIOD_S, Refresher
from service.experiments.watching import Status
from service.metrics import Metrics
from tests.service.experiments.declarations import experiment_of
from tests.service.experiments.reports import every_kind
from tests.service.experiments.test_gauges import RUNNING, shown, states, values

pytestmark = pytest.mark.anyio


class FakeExperiments:
    """One that runs, until told otherwise."""

    def __init__(self) -> None:
        self.statuses: tuple[Status, ...] = (RUNNING,)
        self.broken: str | None = None


class Desk:
    """A refresher with a clock that tests set, and reports that they choose."""

    def __init__(self, reports: Mapping[str, Any]) -> None:
        self.metrics = Metrics()
        self.experiments = FakeExperiments()
        self.reports = reports
        self.kind = "keep_collecting"
        self.error: Exception | None = None
        self.takes_s = 0.0
        self.asked: list[str] = []
        self.now = 1_000.0
        self.refresher = Refresher(self.experiments, self.report, ExperimentGauges(self.metrics))
        self.refresher.clock = lambda: self.now

    async def report(self, name: str) -> Mapping[str, Any]:
        self.asked.append(name)
        self.now += self.takes_s
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        found: Mapping[str, Any] = self.reports[self.kind]
        return found

    @property
    def states(self) -> set[str]:
        return states(self.metrics)


@pytest.fixture(scope="module")
def reports() -> Mapping[str, Any]:
    return every_kind()


@pytest.fixture
def desk(reports: Mapping[str, Any]) -> Desk:
    return Desk(reports)


async def test_one_that_begins_to_run_is_reported_on_at_once_and_then_every_half_minute(desk: Desk) -> None:
    await desk.refresher.look()
    assert desk.states == {"keep_collecting"}
    desk.kind = "winner"
    desk.now += PERIOD_S - 1
    await desk.refresher.look()
    assert desk.states == {"keep_collecting"}
    desk.now += 1
    await desk.refresher.look()
    assert desk.states == {"winner"}
    assert desk.asked == ["nsmc", "nsmc"]


async def test_the_time_of_the_report_is_when_it_was_made(desk: Desk) -> None:
    await desk.refresher.look()
    [made_at] = values(desk.metrics, "sentiment_experiment_report_timestamp_seconds").values()
    assert made_at > 1_700_000_000


@pytest.mark.parametrize("takes_s", [0.1, 300.0])
async def test_reports_that_take_long_never_pile_up(desk: Desk, takes_s: float) -> None:
    desk.takes_s = takes_s
    await desk.refresher.look()
    desk.now += PERIOD_S - 0.1
    await desk.refresher.look()
    assert len(desk.asked) == 1
    desk.now += 0.2
    await desk.refresher.look()
    assert len(desk.asked) == 2


async def test_without_one_that_runs_no_report_is_made(desk: Desk) -> None:
    desk.experiments.statuses = (
        RUNNING._replace(state="waiting", phase=None),
        Status(experiment_of(name="older"), "stopped"),
    )
    await desk.refresher.look()
    assert desk.asked == []
    assert desk.states == {"waiting", "stopped"}


async def test_a_new_phase_begins_anew_and_at_once(desk: Desk) -> None:
    await desk.refresher.look()
    desk.experiments.statuses = (RUNNING._replace(phase=3),)
    desk.kind = "insufficient"
    await desk.refresher.look()
    assert desk.states == {"insufficient"}
    assert values(desk.metrics, "sentiment_experiment_accuracy_ratio") == {}


async def test_one_that_is_no_longer_declared_is_forgotten(desk: Desk) -> None:
    await desk.refresher.look()
    desk.experiments.statuses = ()
    await desk.refresher.look()
    assert shown(desk.metrics, "nsmc") == set()


async def test_a_report_that_comes_too_late_is_not_shown(desk: Desk) -> None:
    looking = asyncio.create_task(desk.refresher.look())
    await asyncio.sleep(0)
    desk.experiments.statuses = (RUNNING._replace(state="stopped", phase=None),)
    await looking
    assert desk.asked == ["nsmc"]
    assert shown(desk.metrics, "nsmc") == {
        "sentiment_experiment_state",
        "sentiment_experiment_report_timestamp_seconds",
    }
    await desk.refresher.look()
    assert desk.states == {"stopped"}


async def test_a_report_that_fails_leaves_the_last_one_which_grows_old_and_is_not_tried_again_at_once(
    desk: Desk,
) -> None:
    await desk.refresher.look()
    made_at = values(desk.metrics, "sentiment_experiment_report_timestamp_seconds")
    desk.error = OSError("the disk is gone")
    desk.now += PERIOD_S
    with pytest.raises(OSError, match="the disk is gone"):
        await desk.refresher.look()
    await desk.refresher.look()
    assert len(desk.asked) == 2
    assert desk.states == {"keep_collecting"}
    assert values(desk.metrics, "sentiment_experiment_report_timestamp_seconds") == made_at


async def until(holds: Callable[[], bool]) -> None:
    """Let others run until something holds."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never held")


async def test_a_failure_ends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.experiments.refreshing._LOOK_S", 0)
    desk.error = OSError("the disk is gone")
    running = asyncio.create_task(desk.refresher.run())
    await until(lambda: bool(caplog.records))
    desk.error = None
    desk.now += PERIOD_S
    await until(lambda: bool(desk.states))
    running.cancel()
    assert [record.getMessage() for record in caplog.records] == ["experiment_gauges_failed"]


async def test_a_broken_file_is_shown_until_it_is_mended(desk: Desk) -> None:
    for reason, shown_value in ((None, 0), ("line 3", 1), (None, 0)):
        desk.experiments.broken = reason
        await desk.refresher.look()
        assert values(desk.metrics, "sentiment_experiments_file_broken") == {(): shown_value}
