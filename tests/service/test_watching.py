import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from model_store.layout import EXTRA, VersionRef, staging
from service.app import Application
from service.registry import State
from service.settings import Settings
from service.versions.orders import Step
from service.versions.orders_file import OrdersFile
from service.versions.policy import parse
from service.versions.wishes import Wishes
from service.watching import Watcher
from tests.service.conftest import running
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.anyio

GRU_1, GRU_2 = VersionRef("gru", 1), VersionRef("gru", 2)


class Watched:
    """A service, its store, and a watcher that looks when told to."""

    def __init__(self, store: Path, app: Application, settings: Settings) -> None:
        self.store = store
        self.app = app
        self.pins: set[VersionRef] = set()
        self.orders = OrdersFile(settings.versions_file)
        wishes = Wishes(parse(settings.versions), self.orders, app.registry, lambda: self.pins)
        self.watcher = Watcher(app.registry, settings, self.orders, wishes)

    def publish(self, *seeds: int) -> None:
        """Publish versions of gru."""
        for seed in seeds:
            publish_version(self.store, shape=Shape(seed=seed))

    def reason(self, ref: VersionRef) -> str | None:
        return self.app.registry.entries[ref].reason

    def states(self) -> dict[str, State]:
        return {str(ref): entry.state for ref, entry in self.app.registry.entries.items()}

    def events(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [record.getMessage() for record in caplog.records]


@asynccontextmanager
async def watching(directory: Path, versions: str = "latest(2)") -> AsyncIterator[Watched]:
    """Serve a store with gru/1, whose watcher stays out of the way."""
    settings = Settings(model_store=directory / "models", versions_file=directory / "versions.json", versions=versions)
    publish_version(settings.model_store)
    looked = asyncio.Event()

    async def look_once(watcher: Watcher) -> None:
        await watcher.look()
        looked.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watcher, "run", look_once)
        async with running(settings) as app:
            await looked.wait()
            yield Watched(settings.model_store, app, settings)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watching(tmp_path) as watched:
        yield watched


async def test_a_version_that_is_published_answers_for_its_name(watched: Watched) -> None:
    publish_version(watched.store, shape=Shape(seed=2))
    await watched.watcher.look()
    assert watched.app.registry.get("gru", None).ref == GRU_2
    assert watched.app.registry.get("gru", 1).ref == GRU_1


async def test_what_is_still_being_staged_is_not_looked_at(watched: Watched) -> None:
    with staging(watched.store) as staged:
        shutil.copytree(watched.store / "gru" / "1", staged, dirs_exist_ok=True)
        await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY}


async def test_a_version_that_is_removed_is_unloaded_once_it_answered(watched: Watched) -> None:
    publish_version(watched.store, shape=Shape(seed=2))
    await watched.watcher.look()
    shutil.rmtree(watched.store / "gru" / "2")
    with watched.app.registry.get("gru", 2).batcher.admit(1):
        looking = asyncio.create_task(watched.watcher.look())
        await asyncio.sleep(0.1)
        assert watched.states() == {"gru/1": State.READY, "gru/2": State.DRAINING}
    await looking
    assert watched.states() == {"gru/1": State.READY}
    assert watched.app.registry.get("gru", None).ref == GRU_1


async def test_a_version_that_is_back_is_served_again(watched: Watched, tmp_path: Path) -> None:
    watched.publish(2)
    await watched.watcher.look()
    (watched.store / "gru" / "2").rename(tmp_path / "away")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY}
    (tmp_path / "away").rename(watched.store / "gru" / "2")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY, "gru/2": State.READY}


async def test_the_last_good_version_stays_although_its_directory_is_gone(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish_version(watched.store, "lstm")
    (watched.store / "gru").rename(tmp_path / "away")
    for _ in range(3):
        await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY, "lstm/1": State.READY}
    assert watched.reason(GRU_1) == "its directory is gone; it stays while nothing else of gru is ready"
    assert watched.events(caplog).count("model_kept") == 1
    (tmp_path / "away").rename(watched.store / "gru")
    await watched.watcher.look()
    assert watched.reason(GRU_1) is None


async def test_a_version_without_a_directory_is_dropped_once_another_is_ready(watched: Watched, tmp_path: Path) -> None:
    watched.publish(2)
    shutil.rmtree(watched.store / "gru" / "1")
    await watched.watcher.look()
    assert watched.states() == {"gru/2": State.READY}


async def test_a_directory_that_is_renamed_is_no_other_version(watched: Watched) -> None:
    (watched.store / "gru" / "1").rename(watched.store / "gru" / "2")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY, "gru/2": State.REFUSED}
    assert watched.reason(GRU_2) == "the manifest is that of gru/1"


async def test_zero_prefixed_versions_are_ignored(watched: Watched) -> None:
    shutil.copytree(watched.store / "gru" / "1", watched.store / "gru" / "00001")
    shutil.copytree(watched.store / "gru" / "1", watched.store / "gru" / "00003")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY}


async def test_the_newest_so_many_are_served_and_older_ones_say_why_not(tmp_path: Path) -> None:
    async with watching(tmp_path, "latest(1)") as watched:
        watched.publish(2, 3)
        await watched.watcher.look()
        assert watched.states() == {"gru/1": State.UNLOADED, "gru/2": State.UNLOADED, "gru/3": State.READY}
        assert watched.reason(GRU_1) == watched.reason(GRU_2) == "NUNCHI_VERSIONS says latest(1)"


async def test_after_a_start_only_what_is_wanted_is_loaded(tmp_path: Path) -> None:
    for seed in range(3):
        publish_version(tmp_path / "models", shape=Shape(seed=seed))
    async with watching(tmp_path, "latest(1)") as watched:
        assert list(watched.states().values()) == [State.UNLOADED] * 3 + [State.READY]


async def test_a_bad_version_never_leaves_fewer_good_ones(tmp_path: Path) -> None:
    async with watching(tmp_path, "latest(1)") as watched:
        (watched.store / "gru" / "2").mkdir()
        await watched.watcher.look()
        assert watched.states() == {"gru/1": State.READY, "gru/2": State.REFUSED}
        watched.publish(3)
        await watched.watcher.look()
        (watched.store / "gru" / "4").mkdir()
        await watched.watcher.look()
        assert watched.app.registry.get("gru", None).ref == VersionRef("gru", 3)


async def test_newest_versions_that_are_refused_at_the_start_give_way_to_an_older_one(tmp_path: Path) -> None:
    publish_version(tmp_path / "models")
    for number in ("2", "3"):
        (tmp_path / "models" / "gru" / number).mkdir()
    settings = Settings(model_store=tmp_path / "models", versions_file=tmp_path / "v.json", versions="latest(1)")
    async with running(settings) as app:
        for _ in range(500):
            if app.registry.answering("gru"):
                break
            await asyncio.sleep(0.01)
        assert [entry.state for entry in app.registry.entries.values()] == [State.READY, State.REFUSED, State.REFUSED]


async def test_a_removed_newest_version_gives_way_to_a_smaller_number(tmp_path: Path) -> None:
    async with watching(tmp_path, "latest(1)") as watched:
        watched.publish(2)
        await watched.watcher.look()
        shutil.rmtree(watched.store / "gru" / "2")
        await watched.watcher.look()
        assert watched.states() == {"gru/1": State.READY}


async def test_what_an_experiment_needs_is_served_whatever_the_policy_says(tmp_path: Path) -> None:
    async with watching(tmp_path, "latest(1)") as watched:
        watched.pins = {GRU_1}
        watched.publish(2, 3)
        await watched.watcher.look()
        assert watched.states() == {"gru/1": State.READY, "gru/2": State.UNLOADED, "gru/3": State.READY}
        watched.pins = set()
        await watched.watcher.look()
        assert watched.states()["gru/1"] is State.UNLOADED


async def test_what_an_alias_points_to_is_served_whatever_the_policy_says(tmp_path: Path) -> None:
    async with watching(tmp_path, "latest(1)") as watched:
        await watched.orders.change(lambda orders: orders.pointed("gru", "stable", Step(1, "")))
        watched.publish(2)
        await watched.watcher.look()
        assert watched.states() == {"gru/1": State.READY, "gru/2": State.READY}
        assert watched.app.registry.get("gru", None).ref == GRU_1
        shutil.rmtree(watched.store / "gru" / "1")
        await watched.watcher.look()
        assert watched.reason(GRU_1) == "its directory is gone; the alias stable points to it"


async def test_an_alias_that_another_process_moved_answers_within_a_look_and_the_old_version_stays_until_then(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path, "specific(1)") as watched:
        watched.publish(2)
        other = OrdersFile(tmp_path / "versions.json")
        await other.change(lambda orders: orders.pointed("gru", "stable", Step(2, "")))
        await watched.watcher.look()
        assert watched.app.registry.get("gru", "stable").ref == GRU_2
        await other.change(lambda orders: orders.pointed("gru", "stable", Step(1, "")))
        await watched.watcher.look()
        assert watched.app.registry.get("gru", "stable").ref == GRU_1
        assert watched.states() == {"gru/1": State.READY, "gru/2": State.UNLOADED}


async def test_what_an_administrator_unloaded_or_loaded_in_another_process_follows(watched: Watched) -> None:
    watched.publish(2, 3)
    await watched.watcher.look()
    await watched.orders.change(lambda orders: orders.with_unloaded(GRU_2).with_loaded(GRU_1, beside_policy=True))
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY, "gru/2": State.UNLOADED, "gru/3": State.READY}
    assert watched.reason(GRU_2) == "it was unloaded by an administrator"


async def test_a_file_of_aliases_that_is_broken_changes_nothing(watched: Watched) -> None:
    await watched.orders.change(lambda orders: orders.pointed("gru", "canary", Step(1, "")))
    await watched.watcher.look()
    (watched.store.parent / "versions.json").write_text("{", encoding="utf-8")
    for _ in range(2):
        await watched.watcher.look()
    assert watched.app.registry.get("gru", "canary").ref == GRU_1
    assert watched.orders.broken


async def test_what_does_not_fit_into_memory_is_refused_and_tried_again_once_it_does(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr("service.versions.memory.free_bytes", lambda: 2**20)
    watched.publish(2)
    for _ in range(3):
        await watched.watcher.look()
    assert watched.states()["gru/2"] is State.REFUSED
    assert re.fullmatch(r"it needs about \d+ MiB of memory, and 1 MiB are free", watched.reason(GRU_2) or "")
    assert watched.events(caplog).count("model_refused") == 1
    assert watched.app.registry.get("gru", None).ref == GRU_1
    monkeypatch.setattr("service.versions.memory.free_bytes", lambda: 2**40)
    await watched.watcher.look()
    assert watched.app.registry.get("gru", None).ref == GRU_2


async def test_a_refused_version_that_is_removed_is_forgotten(watched: Watched) -> None:
    (watched.store / "gru" / "2").mkdir()
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY, "gru/2": State.REFUSED}
    (watched.store / "gru" / "2").rmdir()
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY}


async def test_a_refused_version_is_tried_again_only_when_it_was_changed_and_the_change_has_ended(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    version = watched.store / "gru" / "2"
    shutil.copytree(watched.store / "gru" / "1", version)  # its manifest is that of another
    for _ in range(4):
        await watched.watcher.look()
    assert watched.states()["gru/2"] is State.REFUSED
    assert watched.events(caplog).count("model_refused") == 1
    shutil.rmtree(version)
    publish_version(watched.store, shape=Shape(seed=2))
    await watched.watcher.look()
    assert watched.states()["gru/2"] is State.REFUSED  # it may still be changing
    await watched.watcher.look()
    assert watched.states()["gru/2"] is State.READY


async def test_a_version_that_is_copied_file_by_file_is_served_in_the_end(watched: Watched, tmp_path: Path) -> None:
    other = tmp_path / "other"
    publish_version(other, shape=Shape(seed=1))
    whole = other / publish_version(other, shape=Shape(seed=2)).name / "2"
    for path in sorted(path for path in whole.rglob("*") if path.is_file()):
        copy = watched.store / "gru" / "2" / path.relative_to(whole)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        await watched.watcher.look()
    await watched.watcher.look()
    assert watched.states()["gru/2"] is State.READY


async def test_a_store_that_is_not_there_for_the_moment_changes_nothing(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched.store.rename(tmp_path / "away")
    await watched.watcher.look()
    watched.store.mkdir()
    for _ in range(2):
        await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY}
    assert watched.events(caplog).count("model_store_unavailable") == 1


async def test_a_file_that_is_changed_in_place_does_not_touch_what_is_served(watched: Watched) -> None:
    (watched.store / "gru" / "1" / EXTRA / "golden.json").write_text("{}", encoding="utf-8")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY}


async def test_the_service_follows_its_store_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watcher.__init__, "__defaults__", (0.01,))
    looks = 0
    look = Watcher.look

    async def failing_at_first(watcher: Watcher) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError
        await look(watcher)

    monkeypatch.setattr(Watcher, "look", failing_at_first)
    publish_version(tmp_path / "models")
    settings = Settings(model_store=tmp_path / "models", versions_file=tmp_path / "versions.json")
    async with running(settings) as app:
        publish_version(tmp_path / "models", shape=Shape(seed=2))
        for _ in range(300):
            if app.registry.get("gru", None).ref == GRU_2:
                break
            await asyncio.sleep(0.01)
        assert app.registry.get("gru", None).ref == GRU_2


async def test_without_looking_nothing_is_noticed(watched: Watched) -> None:
    publish_version(watched.store, shape=Shape(seed=2))
    await asyncio.sleep(0.05)
    assert watched.states() == {"gru/1": State.READY}
