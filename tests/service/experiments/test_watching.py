import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from model_store.layout import VersionRef
from service.errors import StoreUnavailableError
from service.experiments import watching
from service.experiments.fields import DeclarationError
from service.experiments.live import Live
from service.experiments.watching import Experiments
from service.registry import Entry, State
from tests.service.experiments.declarations import FULL, GRU, LSTM, SMALL, entry, live_of
from tests.service.experiments.declarations import experiment_of as small

pytestmark = pytest.mark.anyio

GRU_3 = VersionRef("gru", 3)
HEAVIER = SMALL.replace('model = "lstm"', 'model = "lstm"\nweight = 2')


class FakeVersions:
    """What is ready; tests change it between two looks."""

    def __init__(self, *ready: VersionRef) -> None:
        self.known: dict[VersionRef, Entry] = {ref: entry() for ref in ready}
        self.aliases: dict[tuple[str, str], VersionRef] = {}
        self.failures = 0

    @property
    def entries(self) -> Mapping[VersionRef, Entry]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no reason in particular")
        return self.known

    def answering(self, name: str, version: str) -> VersionRef | None:
        return self.aliases.get((name, version))


class FakePhases:
    """The numbers that the store would give."""

    def __init__(self) -> None:
        self.opened: dict[str, list[str]] = {}
        self.designs: list[Mapping[str, object]] = []
        self.asked = 0
        self.failure: Exception | None = None
        self.numbered = asyncio.Event()

    async def open(self, experiment: str, fingerprint: str, design: Mapping[str, object]) -> int:
        self.asked += 1
        if self.failure:
            raise self.failure
        opened = self.opened.setdefault(experiment, [])
        if not opened or opened[-1] != fingerprint:
            opened.append(fingerprint)
            self.designs.append(design)
        self.numbered.set()
        return len(opened)


async def never(_: Live) -> None:
    pytest.fail("prepared")


class Bench:
    """A file, the versions, the phases, and what follows them."""

    def __init__(self, path: Path, text: str = SMALL, *ready: VersionRef) -> None:
        self.path = path
        self.put(text)
        self.versions = FakeVersions(*(ready or (GRU, LSTM)))
        self.phases = FakePhases()
        self.prepared: list[Live] = []
        self.experiments = Experiments(path, self.versions, self.phases, self.prepare, period_s=0.001)

    async def prepare(self, live: Live) -> None:
        self.prepared.append(live)

    def put(self, text: str, encoding: str = "utf-8") -> None:
        self.path.write_text(text, encoding=encoding)

    def remove(self) -> None:
        self.path.unlink()

    async def write(self, text: str) -> None:
        """Change the file and wait until that is in force, or judged."""
        self.put(text)
        await self.experiments.look()
        await self.experiments.look()

    def said(self) -> list[tuple[str, str | None, int | None]]:
        return [(status.state, status.reason, status.phase) for status in self.experiments.statuses]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "experiments.toml"


async def test_before_the_first_look_nothing_answers(path: Path) -> None:
    bench = Bench(path)
    assert bench.experiments.live is None
    assert bench.said() == [("waiting", "the service is starting", None)]


async def test_a_declared_experiment_answers_with_the_versions_that_are_ready(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    assert bench.experiments.live == live_of(small(), (GRU, LSTM), phase=1)
    assert bench.said() == [("running", None, 1)]
    assert bench.phases.designs[0]["arms"] == [
        {"name": "gru", "model": "gru", "version": 2, "weight": 1.0},
        {"name": "lstm", "model": "lstm", "version": 1, "weight": 1.0},
    ]


async def test_while_nothing_changes_it_stays_the_same_and_the_store_is_asked_once(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    live = bench.experiments.live
    for _ in range(3):
        await bench.experiments.look()
    assert bench.experiments.live is live
    assert bench.phases.asked == 1


async def test_a_changed_weight_opens_a_phase_without_a_restart(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    await bench.write(HEAVIER)
    assert bench.experiments.live is not None
    assert [arm.weight for arm in bench.experiments.live.arms] == [1.0, 2.0]
    assert bench.said() == [("running", None, 2)]


async def test_an_alias_that_moves_opens_a_phase(path: Path) -> None:
    bench = Bench(path, SMALL.replace('model = "gru"', 'model = "gru"\nversion = "canary"'), GRU, GRU_3, LSTM)
    for ref, phase in ((GRU, 1), (GRU_3, 2)):
        bench.versions.aliases = {("gru", "canary"): ref}
        await bench.experiments.look()
        assert bench.said() == [("running", None, phase)]
        assert bench.experiments.live is not None
        assert bench.experiments.live.arms[0].ref == ref


async def test_what_it_runs_on_and_what_it_names_is_needed(path: Path) -> None:
    bench = Bench(path, SMALL.replace('model = "gru"', 'model = "gru"\nversion = 3'), GRU, LSTM)
    await bench.experiments.look()
    assert bench.experiments.pinned() == {GRU_3}
    bench.versions.known[GRU_3] = entry()
    await bench.experiments.look()
    assert bench.experiments.pinned() == {GRU_3, LSTM}
    stopped = SMALL.replace("name", 'state = "stopped"\nname', 1)
    await bench.write(stopped)
    assert bench.experiments.pinned() == set()


async def test_a_comment_opens_no_phase(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    await bench.write("# a word\n" + SMALL)
    assert bench.said() == [("running", None, 1)]


async def test_what_may_be_half_written_is_left_until_it_stays_the_same(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    bench.put(HEAVIER)
    await bench.experiments.look()
    assert bench.said() == [("running", None, 1)]
    await bench.write(SMALL)
    assert bench.said() == [("running", None, 1)]
    assert len(bench.phases.designs) == 1


async def test_what_comes_back_after_another_content_must_stay_the_same_again(path: Path) -> None:
    bench = Bench(path)
    for text in (HEAVIER, SMALL, HEAVIER):
        bench.put(text)
        await bench.experiments.look()
    assert bench.experiments.live == live_of(small())


async def test_stopping_leaves_requests_to_the_default_model_and_going_on_keeps_the_phase(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    await bench.write(SMALL.replace('"gru-or-lstm"', '"gru-or-lstm"\nstate = "stopped"'))
    assert bench.experiments.live is None
    assert bench.said() == [("stopped", None, None)]
    await bench.write(SMALL)
    assert bench.said() == [("running", None, 1)]


async def test_one_of_several_runs(path: Path) -> None:
    bench = Bench(path, FULL.replace("gru-or-lstm", "done") + SMALL)
    await bench.experiments.look()
    assert bench.said() == [("stopped", None, None), ("running", None, 1)]


async def test_a_new_version_takes_over_as_a_new_phase_when_it_is_ready(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    bench.versions.known[GRU_3] = Entry(State.LOADING)
    await bench.experiments.look()
    assert bench.said() == [("running", None, 1)]
    bench.versions.known[GRU_3] = entry()
    await bench.experiments.look()
    assert bench.experiments.live == live_of(small(), (GRU_3, LSTM), phase=2)


async def test_arms_that_are_not_ready_are_waited_for(path: Path) -> None:
    bench = Bench(path, SMALL, GRU)
    await bench.experiments.look()
    assert bench.experiments.live is None
    assert bench.said() == [("waiting", "no version of lstm is ready", None)]
    assert bench.phases.asked == 0
    bench.versions.known[LSTM] = entry()
    await bench.experiments.look()
    assert bench.said() == [("running", None, 1)]


async def test_an_arm_that_is_unloaded_stops_what_ran(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    bench.versions.known[LSTM] = Entry(State.DRAINING)
    await bench.experiments.look()
    assert bench.experiments.live is None


async def test_arms_with_different_labels_are_refused_and_no_phase_is_opened(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(path)
    bench.versions.known[LSTM] = entry(("positive", "negative"))
    await bench.experiments.look()
    assert bench.experiments.live is None
    [(state, reason, _)] = bench.said()
    assert state == "refused"
    assert reason is not None
    assert reason.startswith("arm lstm has the labels positive, negative")
    assert bench.phases.asked == 0
    assert [record.message for record in caplog.records] == ["experiment_changed"]


@pytest.mark.parametrize("broken", ["[[experiment", SMALL + "weight = 0", SMALL + SMALL.replace("gru-or", "x"), "\xff"])
async def test_a_broken_file_changes_nothing_and_says_why(path: Path, broken: str) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    live = bench.experiments.live
    bench.put(broken, "latin-1")
    for _ in range(2):
        await bench.experiments.look()
    assert bench.experiments.live is live
    reason = bench.experiments.broken
    assert reason is not None
    await bench.write(HEAVIER)
    assert bench.experiments.broken is None
    assert bench.said() == [("running", None, 2)]


async def test_a_file_that_is_gone_changes_nothing_and_says_why(path: Path) -> None:
    bench = Bench(path)
    await bench.experiments.look()
    bench.remove()
    await bench.experiments.look()
    assert bench.said() == [("running", None, 1)]
    assert bench.experiments.broken == f"{path} cannot be read: No such file or directory"
    await bench.write(SMALL)
    assert bench.experiments.broken is None


async def test_a_broken_file_stays_broken_after_it_was_gone(path: Path) -> None:
    bench = Bench(path)
    await bench.write("[[")
    reason = bench.experiments.broken
    bench.remove()
    await bench.experiments.look()
    await bench.write("[[")
    assert bench.experiments.broken == reason


async def test_each_trouble_is_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(path, SMALL, GRU)
    for _ in range(3):
        await bench.experiments.look()
    for _ in range(3):
        await bench.write("[[")
    assert [(record.message, record.levelno) for record in caplog.records] == [
        ("experiment_changed", logging.WARNING),
        ("experiments_file_broken", logging.ERROR),
    ]


@pytest.mark.parametrize("text", ["[[experiment", SMALL.replace("model", "modle", 1)])
async def test_a_file_that_is_broken_at_the_start_stops_it(path: Path, text: str) -> None:
    with pytest.raises(DeclarationError):
        Bench(path, text)


async def test_a_file_that_is_not_there_at_the_start_stops_it(path: Path) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        Experiments(path, FakeVersions(), FakePhases(), never)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (StoreUnavailableError("the store cannot be opened"), "the store cannot be opened"),
        (RuntimeError("disk of user kim"), "RuntimeError"),
    ],
)
async def test_without_a_number_for_its_phase_an_experiment_waits_for_the_store(
    path: Path, failure: Exception, reason: str
) -> None:
    bench = Bench(path)
    bench.phases.failure = failure
    await bench.experiments.look()
    assert bench.experiments.live is None
    assert bench.said() == [("waiting", f"its phase cannot be numbered: {reason}", None)]
    bench.phases.failure = None
    await bench.experiments.look()
    assert bench.said() == [("running", None, 1)]


async def test_without_a_file_there_is_nothing_to_follow() -> None:
    experiments = Experiments(None, FakeVersions(), FakePhases(), never)
    await asyncio.wait_for(experiments.run(), 5)
    assert experiments.live is None
    assert experiments.statuses == ()


async def test_it_follows_until_it_is_cancelled(path: Path) -> None:
    bench = Bench(path)
    following = asyncio.create_task(bench.experiments.run())
    for text, weight in ((SMALL, 1.0), (HEAVIER, 2.0)):
        bench.put(text)
        await asyncio.wait_for(bench.phases.numbered.wait(), 5)
        bench.phases.numbered.clear()
        await asyncio.sleep(0.02)  # it is prepared
        assert bench.experiments.live is not None
        assert bench.experiments.live.arms[1].weight == weight
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


async def test_a_look_that_fails_is_not_the_last(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(path)
    bench.versions.failures = 1
    following = asyncio.create_task(bench.experiments.run())
    await asyncio.wait_for(bench.phases.numbered.wait(), 5)
    following.cancel()
    assert [record.message for record in caplog.records] == ["experiments_watch_failed"]


async def test_an_experiment_answers_only_once_its_texts_can_be_recorded(path: Path) -> None:
    bench = Bench(path)
    waiting = asyncio.Event()

    async def slowly(_: Live) -> None:
        assert bench.experiments.live is None
        await waiting.wait()

    bench.experiments = Experiments(path, bench.versions, bench.phases, slowly)
    looking = asyncio.create_task(bench.experiments.look())
    await asyncio.sleep(0.05)
    assert bench.experiments.live is None
    waiting.set()
    await looking
    assert bench.experiments.live is not None


async def test_without_a_process_that_records_an_experiment_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE_S", 0.01)
    bench = Bench(path)

    async def never_ready(_: Live) -> None:
        await asyncio.Event().wait()

    bench.experiments = Experiments(path, bench.versions, bench.phases, never_ready)
    await bench.experiments.look()
    assert bench.experiments.live is None
    assert bench.said() == [("waiting", "the process that records its texts is not ready", None)]
