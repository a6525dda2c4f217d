import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model_store.layout import EXTRA, VersionRef, staging
from service.app import Application
from service.registry import State
from service.settings import Settings
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
        self.watcher = Watcher(app.registry, settings)

    def states(self) -> dict[str, State]:
        return {str(ref): entry.state for ref, entry in self.app.registry.entries.items()}

    def events(self, caplog: pytest.LogCaptureFixture) -> list[str]:
        return [record.getMessage() for record in caplog.records]


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    store = tmp_path / "models"
    publish_version(store)
    settings = Settings(model_store=store, secret_file=tmp_path / "secret")
    monkeypatch.setattr(Watcher.__init__, "__defaults__", (3600.0,))  # the service's own stays out of the way
    async with running(settings) as app:
        yield Watched(store, app, settings)


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
    assert watched.states() == {"gru/1": State.READY, "gru/2": State.UNLOADED}
    assert watched.app.registry.get("gru", None).ref == GRU_1


async def test_a_version_that_is_back_is_served_again(watched: Watched, tmp_path: Path) -> None:
    publish_version(watched.store, "lstm")
    (watched.store / "gru").rename(tmp_path / "away")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.UNLOADED, "lstm/1": State.READY}
    (tmp_path / "away").rename(watched.store / "gru")
    await watched.watcher.look()
    assert watched.states() == {"gru/1": State.READY, "lstm/1": State.READY}


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
    async with running(Settings(model_store=tmp_path / "models", secret_file=tmp_path / "secret")) as app:
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
