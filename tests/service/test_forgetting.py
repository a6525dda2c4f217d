import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.experiments.observation import LabelGiven, Observation
from service.forgetting import Forgetting
from service.identifiers import Pseudonyms, uuid7
from service.secrets import Secret
from service.storage import Found, Storage
from service.store.database import Database
from service.store.reading import read_phase
from tests.service.store.observations import write

pytestmark = pytest.mark.anyio

PSEUDONYMS = Pseudonyms(Secret(b"0" * 32))
DAY = 86_400.0


def named(name: str, age_days: float = 0) -> str:
    return f"{uuid7(round((time.time() - age_days * DAY) * 1e9), 0)[:18]}-{name}"


def observed(prediction_id: str, client: str, age_days: float = 0) -> Observation:
    created_at = time.time() - age_days * DAY
    unit = PSEUDONYMS.of_client(client)
    return Observation(prediction_id, "e", 1, unit, prediction_id, None, 3, "gru", "hash", False, created_at, ())


def texts(database: Database) -> dict[str, int]:
    return {row.observation.prediction_id[19:]: len(row.labels) for row in read_phase(database, "e", 1)}


async def nothing_waits() -> None:
    """Stand in for a recorder that has written down everything."""


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"sqlite:///{tmp_path / 'nunchi.db'}")


async def test_a_client_is_forgotten_with_its_labels_and_nobody_else(storage: Storage) -> None:
    storage.open()
    of = {name: named(name) for name in "abcd"}
    clients = (("a", "me"), ("b", "you"), ("c", "me"))
    await storage.call(lambda database: write(database, [observed(of[name], client) for name, client in clients]))
    await storage.label(LabelGiven(of["a"], "audit", "positive", time.time()))
    await storage.label(LabelGiven(of["b"], "audit", "positive", time.time()))

    async def flushed() -> None:
        await storage.call(lambda database: write(database, [observed(of["d"], "me")]))  # still on its way until then

    assert await Forgetting(storage, flushed, PSEUDONYMS, 30).forget_client("me") == 3
    assert await storage.call(texts) == {"b": 1}
    assert await Forgetting(storage, nothing_waits, PSEUDONYMS, 30).forget_client("me") == 0
    await storage.close()


async def test_what_is_too_old_is_forgotten_in_time(storage: Storage) -> None:
    storage.open()
    old = [observed(named(name, age_days), "me", age_days) for name, age_days in (("a", 31), ("b", 29))]
    await storage.call(lambda database: write(database, old))
    forgetting = asyncio.create_task(Forgetting(storage, nothing_waits, PSEUDONYMS, 30, period_s=0.01).run())
    for _ in range(500):
        if await storage.call(texts) == {"b": 0}:
            break
        await asyncio.sleep(0.01)
    assert await storage.call(texts) == {"b": 0}
    forgetting.cancel()
    await asyncio.gather(forgetting, return_exceptions=True)
    await storage.close()


async def test_a_store_that_nobody_needed_is_not_opened_to_forget(storage: Storage, tmp_path: Path) -> None:
    forgetting = asyncio.create_task(Forgetting(storage, nothing_waits, PSEUDONYMS, 30, period_s=0.001).run())
    await asyncio.sleep(0.02)
    forgetting.cancel()
    assert os.listdir(tmp_path) == []


class FailingOnce(Storage):
    """A store that is out of order when it is first asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.calls = 0
        self.thrice = asyncio.Event()

    async def call(self, function: Callable[[Database], Found]) -> Found:
        self.calls += 1
        if self.calls == 3:
            self.thrice.set()
        if self.calls == 1:
            raise OSError("disk on fire")
        return await super().call(function)


async def test_forgetting_goes_on_after_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    storage = FailingOnce(f"sqlite:///{tmp_path / 'nunchi.db'}")
    storage.open()
    write_old = [observed(named("a", 31), "me", 31)]
    assert storage._opened is not None
    write(storage._opened.database, write_old)
    with caplog.at_level("INFO"):
        forgetting = asyncio.create_task(Forgetting(storage, nothing_waits, PSEUDONYMS, 30, period_s=0.01).run())
        await asyncio.wait_for(storage.thrice.wait(), 10)
    assert [record.getMessage() for record in caplog.records if "purge" in record.getMessage()] == [
        "purge_failed",
        "purged",
    ]
    forgetting.cancel()
    await asyncio.gather(forgetting, return_exceptions=True)
    await storage.close()
