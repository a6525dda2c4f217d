"""What the service tells of real requests."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.app import Application
from service.logs import JsonFormatter
from service.settings import Settings
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio

SECRET_TEXT = "남에게 보이면 안 되는 글"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of requests as they are written."""
    records = [record for record in caplog.records if record.getMessage() == "request"]
    return [json.loads(JsonFormatter().format(record)) for record in records]


@pytest.fixture
async def talkative(settings: Settings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[httpx.AsyncClient]:
    caplog.set_level(logging.INFO)
    async with running(settings.model_copy(update={"log_requests": 1.0})) as app, client_of(app) as client:
        yield client


async def test_an_answer_is_told_with_the_version_that_gave_it(
    talkative: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"traceparent": PARENT, "X-Request-ID": "r7"}
    await talkative.post("/predict", json={"text": SECRET_TEXT}, headers=headers)
    await talkative.post("/predict/batch", json={"texts": [SECRET_TEXT] * 40, "model": "lstm"})
    await talkative.get("/models")
    one, many, models = told(caplog)
    assert (one["model"], one["version"], one["texts"], one["status"]) == ("gru", 2, 1, 200)
    assert (one["request_id"], one["trace_id"]) == ("r7", "4bf92f3577b34da6a3ce929d0e0e4736")
    assert (many["route"], many["model"], many["texts"]) == ("/predict/batch", "lstm", 40)
    assert (models["method"], models["route"]) == ("GET", "/models")
    assert "model" not in models, "one request says nothing of the next"
    assert 0 < one["duration_ms"] < 60_000


async def test_errors_are_told_by_default_and_never_with_what_the_caller_sent(
    fresh_app: Application, fresh_client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await fresh_client.post("/predict", json={"text": "fine"})
    await fresh_client.post("/predict", json={"text": SECRET_TEXT, "model": "no-such-model"})
    await fresh_client.post("/predict", content=SECRET_TEXT.encode())
    await fresh_client.get("/no-such-path", headers={"traceparent": "no-such-parent"})
    await fresh_client.post("/feedback", content=b"{")
    assert [(line["status"], line["problem"], line["route"]) for line in told(caplog)] == [
        (404, "unknown-model", "/predict"),
        (422, "invalid-request", "/predict"),
        (404, "unknown-route", "_other"),
        (422, "invalid-request", "/feedback"),
    ]
    everything = json.dumps(told(caplog), ensure_ascii=False)
    assert SECRET_TEXT not in everything
    assert "no-such" not in everything


async def test_a_malformed_parent_is_not_echoed(client: httpx.AsyncClient) -> None:
    for parent in (PARENT, "no-such-parent"):
        answer = await client.post("/predict", json={"text": "a"}, headers={"traceparent": parent})
        assert answer.status_code == 200
        assert parent not in str(answer.headers) + answer.text
