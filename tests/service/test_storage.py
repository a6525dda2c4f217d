import asyncio
import os
import time
from pathlib import Path

import pytest

from service.errors import StartError, StoreUnavailableError
from service.experiments.observation import LabelGiven
from service.storage import Storage

pytestmark = pytest.mark.anyio


def storage_in(directory: Path) -> Storage:
    return Storage(f"sqlite:///{directory / 'state' / 'nunchi.db'}")


def given(prediction_id: str) -> LabelGiven:
    return LabelGiven(prediction_id, "audit", "positive", time.time())


async def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    storage = storage_in(tmp_path)
    assert not storage.is_open
    await storage.close()
    assert os.listdir(tmp_path) == []


async def test_the_first_labels_open_it_once_and_keep_their_order(tmp_path: Path) -> None:
    storage = storage_in(tmp_path)
    names = [f"{number % 50:03}" for number in range(100)]
    results = await asyncio.gather(*(storage.label(given(name)) for name in names))
    assert results == ["accepted"] * 50 + ["same"] * 50
    await storage.close()


async def test_closing_keeps_what_was_accepted(tmp_path: Path) -> None:
    storage = storage_in(tmp_path)
    storage.open()
    labels = [asyncio.create_task(storage.label(given(f"{number:04}"))) for number in range(1_000)]
    await asyncio.sleep(0)
    await storage.close()
    assert await asyncio.gather(*labels) == ["accepted"] * 1_000
    again = storage_in(tmp_path)
    assert await again.label(given("0999")) == "same"
    await again.close()


async def test_a_store_that_cannot_be_opened_is_an_error_at_the_start_and_an_answer_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").touch()
    storage = storage_in(tmp_path)
    with pytest.raises(StartError, match="cannot be made"):
        storage.open()
    with pytest.raises(StoreUnavailableError, match="the log says why"):
        await storage.label(given("a"))
    assert "cannot be made" in caplog.records[-1].__dict__["fields"]["reason"]
    (tmp_path / "state").unlink()
    assert await storage.label(given("a")) == "accepted"
    await storage.close()
