import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import Application
from service.schemas_feedback import FeedbackBatchAnswer
from service.settings import Settings
from tests.service.conftest import client_of, running
from tests.service.routes.test_predictions import REVIEW, assert_problem, predict

pytestmark = pytest.mark.anyio


async def prediction(client: httpx.AsyncClient) -> str:
    return str((await predict(client, text=REVIEW)).json()["prediction_id"])


async def give(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/feedback", json=body)


async def test_a_label_is_accepted_then_known_then_in_conflict(client: httpx.AsyncClient) -> None:
    name = await prediction(client)
    first = await give(client, prediction_id=name, label="positive", source="audit")
    assert (first.status_code, first.json()) == (202, {"result": "accepted"})
    again = await give(client, prediction_id=name, label="positive", source="audit")
    assert (again.status_code, again.json()) == (200, {"result": "same"})
    assert_problem(await give(client, prediction_id=name, label="negative", source="audit"), 409, "stays in force")
    assert (await give(client, prediction_id=name, label="negative")).status_code == 202  # a user is another source


@pytest.mark.parametrize(
    ("change", "status", "part"),
    [
        ({"prediction_id": "nobody"}, 404, "no prediction was given this id"),
        ({"prediction_id": "01975f2e-8a4c-7b31-9d52-6f0c1e2a3b4d"}, 404, "no prediction was given this id"),
        ({"prediction_id": 5}, 422, "prediction_id must be a string"),
        ({"label": "love"}, 422, "their labels: negative, positive"),
        ({"label": None}, 422, "label must be a string"),
        ({"source": "me"}, 422, "source must be 'gold', 'audit' or 'user'"),
        ({"annotator": "nobody"}, 422, "not documented"),
    ],
)
async def test_a_wrong_label_gets_a_problem_without_an_echo(
    client: httpx.AsyncClient, change: dict[str, Any], status: int, part: str
) -> None:
    answer = await give(client, **({"prediction_id": await prediction(client), "label": "positive"} | change))
    assert_problem(answer, status, part)
    assert not any(str(value) in answer.json()["detail"] for value in change.values())


async def test_a_batch_tells_each_its_status_in_order(client: httpx.AsyncClient) -> None:
    name = await prediction(client)
    labels = [(name, "positive"), (name, "positive"), (name, "negative"), ("nobody", "positive"), (name, "love")]
    items = [{"prediction_id": name, "label": label, "source": "gold"} for name, label in labels]
    answer = await client.post("/feedback/batch", json={"items": items})
    assert answer.status_code == 200
    found = FeedbackBatchAnswer.model_validate_json(answer.content, strict=True).items
    assert [item.status for item in found] == [202, 200, 409, 404, 422]
    assert [item.type for item in found[2:]] == [
        "urn:nunchi:problem:conflicting-label",
        "urn:nunchi:problem:unknown-prediction",
        "urn:nunchi:problem:unknown-label",
    ]
    assert answer.json()["items"][0] == {"status": 202, "type": None, "detail": None}


@pytest.mark.parametrize("items", [[], [{"prediction_id": "a", "label": "b"}] * 1001, None])
async def test_a_batch_holds_1_to_1000_labels(client: httpx.AsyncClient, items: object) -> None:
    assert_problem(await client.post("/feedback/batch", json={"items": items}), 422, "items")


async def test_a_malformed_item_fails_the_batch_and_is_named(client: httpx.AsyncClient) -> None:
    good = {"prediction_id": await prediction(client), "label": "positive"}
    answer = await client.post("/feedback/batch", json={"items": [good, {"label": "positive"}]})
    assert assert_problem(answer, 422, "items[1].prediction_id is missing")["index"] == 1
    assert (await give(client, **good)).status_code == 202  # nothing of the batch was kept


async def test_bodies_that_are_not_understood_are_counted(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    assert_problem(await fresh_client.post("/feedback", content=b"{"), 422, "not JSON")
    assert_problem(await fresh_client.post("/feedback/batch", content=b" " * 1_048_577), 413)
    value = fresh_app.metrics.registry.get_sample_value("sentiment_feedback_rejected_total", {"reason": "invalid"})
    assert value == 2


async def test_labels_are_in_the_store_when_they_are_answered(store: Path, tmp_path: Path) -> None:
    settings = Settings(model_store=store, store=f"sqlite:///{tmp_path / 'state' / 'labels.db'}")
    async with running(settings) as app, client_of(app) as client:
        assert not (tmp_path / "state").exists()  # nobody has needed it
        names = [await prediction(client) for _ in range(20)]
        answers = await asyncio.gather(*(give(client, prediction_id=name, label="negative") for name in names * 2))
        assert sorted(answer.status_code for answer in answers) == [200] * 20 + [202] * 20
        with sqlite3.connect(tmp_path / "state" / "labels.db") as reading:
            found = reading.execute("SELECT prediction_id, source, label FROM label").fetchall()
        reading.close()
    assert sorted(found) == sorted((name, "user", "negative") for name in names)


async def test_a_store_that_cannot_be_opened_is_tried_again_with_the_next_label(store: Path, tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    settings = Settings(model_store=store, store=f"sqlite:///{tmp_path / 'state' / 'labels.db'}")
    async with running(settings) as app, client_of(app) as client:
        name = await prediction(client)
        answer = await give(client, prediction_id=name, label="negative")
        assert_problem(answer, 503, "cannot be opened")
        assert int(answer.headers["retry-after"]) >= 1
        assert str(tmp_path) not in answer.text
        (tmp_path / "state").unlink()
        assert (await give(client, prediction_id=name, label="negative")).status_code == 202


async def test_a_client_that_leaves_in_the_middle_of_its_label_is_no_error(
    fresh_app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [{"type": "http.request", "body": b'{"pred', "more_body": True}, {"type": "http.disconnect"}]
    scope = {"type": "http", "method": "POST", "path": "/feedback", "headers": [], "query_string": b""}

    async def receive() -> Any:
        return messages.pop(0)

    async def send(_: object) -> None:
        """Nobody is there to hear it."""

    await fresh_app({**scope, "client": None, "server": None, "root_path": ""}, receive, send)
    assert "unexpected_error" not in [record.getMessage() for record in caplog.records]
