"""A worker in this process, with what its supervisor would have given it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from model_store.layout import VersionRef
from service.app import Application, create_app
from service.growth import Growth
from service.ledger import SharedLedger
from service.listening import Loads, open_port
from service.metrics import Metrics
from service.place import ACCEPTING, GROWN, LOADED, LOADS, READY, Place
from service.registry import Registry
from service.server import configured
from service.settings import Settings
from service.worker import WorkerServer, main
from tests.versions import publish_version

pytestmark = pytest.mark.anyio


class Given:
    """Pipes, port and directory."""

    def __init__(self, directory: Path, hold: int) -> None:
        directory.mkdir()
        Loads.create(directory / LOADS, 2)
        [self.port] = open_port("127.0.0.1", 0)
        self.lifeline, self.alive = os.pipe()
        self.notices, written = os.pipe()
        os.set_blocking(self.notices, False)
        self.place = Place(str(self.port.fileno()), self.lifeline, written, str(directory), 0, 1, hold)
        self.url = f"http://127.0.0.1:{self.port.getsockname()[1]}"

    def said(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self.notices, 1000)
        return b""

    def close(self) -> None:
        for descriptor in (self.lifeline, self.alive, self.notices, self.place.notices):
            with suppress(OSError):
                os.close(descriptor)
        self.port.close()


class Working:
    """A worker that runs."""

    def __init__(self, given: Given, app: Application, server: WorkerServer, task: "asyncio.Task[None]") -> None:
        self.given = given
        self.app = app
        self.server = server
        self.task = task

    async def heard(self, words: bytes, seconds: float = 5) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while (said := self.given.said()) != words:
            assert not said
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.005)


@asynccontextmanager
async def working(path: Path, hold: int = 0) -> AsyncIterator[Working]:
    publish_version(path / "models")
    settings = Settings(model_store=path / "models", workers=2)
    given = Given(path / "pages", hold)
    app = create_app(settings, Metrics(SharedLedger(path / "pages", 1)))
    server = WorkerServer(configured(app, settings), app, given.place, settings)
    task = asyncio.create_task(server._serve([given.port]))
    try:
        yield Working(given, app, server, task)
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)
        given.close()


async def test_it_says_when_it_takes_connections_and_answers(tmp_path: Path) -> None:
    async with working(tmp_path) as worker, httpx.AsyncClient(base_url=worker.given.url) as client:
        await worker.heard(ACCEPTING)
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("hold", [0, READY, LOADED])
async def test_only_when_others_answer_does_it_wait_until_it_is_ready(
    tmp_path: Path, hold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    to_thread = asyncio.to_thread

    async def gated(*arguments: object) -> object:
        await gate.wait()
        return await to_thread(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "to_thread", gated)
    async with working(tmp_path, hold) as worker, httpx.AsyncClient(base_url=worker.given.url) as client:
        asking = asyncio.create_task(client.get("/health/ready", timeout=20))
        await asyncio.sleep(0.3)
        if hold:
            assert not worker.given.said()
            assert not asking.done()
        else:
            await worker.heard(ACCEPTING)
            assert (await asking).status_code == 503
        gate.set()
        if hold:
            await worker.heard(ACCEPTING)
            assert (await asking).status_code == 200


async def test_until_it_is_ready_it_leaves_connections_to_one_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    load = Registry.load

    async def gated(registry: Registry, ref: VersionRef) -> bool:
        await gate.wait()
        return await load(registry, ref)

    monkeypatch.setattr(Registry, "load", gated)
    async with working(tmp_path) as worker, httpx.AsyncClient(base_url=worker.given.url) as client:
        await worker.heard(ACCEPTING)
        Loads(tmp_path / "pages" / LOADS).set(1, 0)
        asking = asyncio.create_task(client.get("/health/ready", timeout=20))
        await asyncio.sleep(0.2)
        assert not asking.done()
        gate.set()
        assert (await asking).status_code == 200


async def test_it_can_be_told_to_stop_while_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(registry: Registry, ref: object) -> bool:
        await asyncio.sleep(60)
        return False

    monkeypatch.setattr(Registry, "load", never)
    async with working(tmp_path, hold=READY) as worker:
        await asyncio.sleep(0.1)
        worker.server.handle_exit(15, None)
        await asyncio.wait_for(worker.task, 5)


async def test_gauges_are_written_down_for_whichever_worker_is_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(tmp_path) as worker:
        await worker.heard(ACCEPTING)
        depth = worker.app.metrics.pending_requests.labels("gru", "7")
        depth.set_function(lambda: 5)
        sibling = Metrics(SharedLedger(tmp_path / "pages", 2))
        labels = {"model": "gru", "version": "7"}
        for _ in range(200):
            if sibling.registry.get_sample_value("sentiment_pending_requests", labels) == 5:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("nobody was told")
        depth.set_function(lambda: 1 // 0)
        await asyncio.sleep(0.7)
        assert "gauges_not_published" in [record.getMessage() for record in caplog.records]
        assert not worker.task.done()
        depth.set_function(lambda: 0)


async def test_it_ends_with_its_supervisor_and_clears_away_what_that_no_longer_can(tmp_path: Path) -> None:
    async with working(tmp_path) as worker:
        await worker.heard(ACCEPTING)
        os.close(worker.given.alive)
        await asyncio.wait_for(worker.task, 10)
    assert not (tmp_path / "pages").exists()


async def test_what_keeps_it_from_starting_is_told_to_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Given(tmp_path / "pages", hold=0)
    monkeypatch.setenv("NUNCHI_MODEL_STORE", str(tmp_path / "nowhere"))
    assert main(given.place.arguments()) == 2
    assert given.said().startswith(b"NUNCHI_MODEL_STORE: ")
    given.close()


async def test_one_that_takes_over_waits_until_everything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that only replaces a dead one does not: better some models than none."""
    publish_version(tmp_path / "models", "lstm")
    gate = asyncio.Event()
    load = Registry.load

    async def gated(registry: Registry, ref: VersionRef) -> bool:
        if ref.name == "lstm":
            await gate.wait()
        return await load(registry, ref)

    monkeypatch.setattr(Registry, "load", gated)
    async with working(tmp_path, hold=LOADED) as worker:
        Loads(tmp_path / "pages" / LOADS).set(1, 0)
        await asyncio.sleep(0.7)
        assert worker.app.registry.answering("gru") is not None
        assert not worker.given.said()
        gate.set()
        await worker.heard(ACCEPTING)
    async with working(tmp_path / "other", hold=READY) as worker:
        gate.clear()
        publish_version(tmp_path / "other" / "models", "lstm")
        await worker.heard(ACCEPTING)


async def test_it_says_once_that_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(tmp_path) as worker:
        await worker.heard(ACCEPTING)
        await asyncio.sleep(0.7)
        assert not worker.given.said()
        monkeypatch.setattr(Growth, "excessive", lambda growth: True)
        await worker.heard(GROWN)
        await asyncio.sleep(1.2)
        assert not worker.given.said()
