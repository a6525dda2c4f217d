import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import Application, create_app
from service.settings import Settings
from tests.versions import Shape, publish_version


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with gru/1, gru/2 and lstm/1; nobody may change it."""
    store = tmp_path_factory.mktemp("store")
    for name, seed in (("gru", 1), ("gru", 2), ("lstm", 3)):
        publish_version(store, name, Shape(max_tokens=256, seed=seed))
    return store


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what services remember out of the directory in which the tests are run."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NUNCHI_SECRET_FILE", str(state / "secret"))
        environment.setenv("NUNCHI_VERSIONS_FILE", str(state / "versions.json"))
        environment.setenv("NUNCHI_STORE", f"sqlite:///{state / 'nunchi.db'}")
        yield


@pytest.fixture(scope="session")
def settings(store: Path) -> Settings:
    return Settings(model_store=store)


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Application]:
    """The service with every version of `store` loaded, for tests that leave it as it is."""
    async with running(settings) as app:
        yield app


@pytest.fixture(scope="module")
async def client(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def fresh_app(settings: Settings) -> AsyncIterator[Application]:
    """The same, for tests that change it or count from zero."""
    async with running(settings) as app:
        yield app


@pytest.fixture
async def fresh_client(fresh_app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(fresh_app) as client:
        yield client


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Application]:
    """Run an application as a server would, from start-up to shutdown, and wait until everything is loaded."""
    app = create_app(settings)
    messages: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, messages.get, answers.put))  # type: ignore[arg-type]
    await messages.put({"type": "lifespan.startup"})
    assert (await answers.get())["type"] == "lifespan.startup.complete"
    await settled(app)
    yield app
    await messages.put({"type": "lifespan.shutdown"})
    assert (await answers.get())["type"] == "lifespan.shutdown.complete"
    await task


async def settled(app: Application) -> None:
    """Wait until every version is ready or refused."""
    for _ in range(2_000):
        if all(entry.state != "loading" for entry in app.registry.entries.values()):
            return
        await asyncio.sleep(0.005)
    pytest.fail("a version is still loading")


def client_of(app: Application) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")
