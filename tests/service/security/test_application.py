"""Keys, limits and headers as callers of the whole application see them."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import Application, create_app
from service.errors import StartError
from service.settings import Settings
from tests.service.conftest import client_of, running
from tests.service.security.keyfiles import KEY, OTHER_KEY, UNKNOWN_KEY, entry, write

pytestmark = pytest.mark.anyio

ALL = ("predict", "feedback", "admin", "metrics")
OPERATIONS = {
    "predict": ("POST", "/predict", {"text": "좋아요"}),
    "batch": ("POST", "/predict/batch", {"texts": ["좋아요"] * 3}),
    "compare": ("POST", "/compare", {"text": "좋아요"}),
    "explain": ("POST", "/explain", {"text": "좋아요", "models": ["gru"]}),
    "feedback": ("POST", "/feedback", {"prediction_id": "mine", "label": "positive"}),
    "models": ("GET", "/models", None),
    "metrics": ("GET", "/metrics", None),
    "docs": ("GET", "/docs", None),
    "schema": ("GET", "/openapi.json", None),
    "clients": ("DELETE", "/clients", None),
    "nowhere": ("GET", "/nowhere", None),
}


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
async def locked_app(store: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Application]:
    path = write(
        tmp_path_factory.mktemp("keys") / "keys.json",
        entry(scopes=ALL),
        entry(OTHER_KEY, limit="1/min", burst=4),
    )
    async with running(Settings(model_store=store, api_keys_file=path)) as app:
        yield app


@pytest.fixture
async def locked(locked_app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(locked_app) as client:
        yield client


async def test_a_service_that_others_could_ask_without_a_key_does_not_start(store: Path) -> None:
    with pytest.raises(StartError, match="NUNCHI_AUTH=off"):
        create_app(Settings(model_store=store, host="0.0.0.0"))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("headers", [{}, bearing(UNKNOWN_KEY)], ids=["no key", "unknown key"])
async def test_without_a_good_key_nothing_is_answered(
    locked: httpx.AsyncClient, name: str, headers: dict[str, str]
) -> None:
    method, path, body = OPERATIONS[name]
    answer = await locked.request(method, path, json=body, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    schemes = [line.partition(" ")[0] for line in answer.headers.get_list("www-authenticate")]
    assert schemes == ["Basic", "Bearer"]  # a line each, or browsers ask for no password
    assert answer.json()["type"] == "urn:nunchi:problem:unauthorized"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("name", OPERATIONS)
async def test_with_a_key_everything_is_answered(locked: httpx.AsyncClient, name: str) -> None:
    method, path, body = OPERATIONS[name]
    answer = await locked.request(method, path, json=body, headers=bearing(KEY))
    assert answer.status_code in {"feedback": (404,), "clients": (422,), "nowhere": (404,)}.get(name, (200,))


async def test_a_scope_that_is_missing_is_named(locked: httpx.AsyncClient) -> None:
    answer = await locked.get("/metrics", headers=bearing(OTHER_KEY))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "this needs a key with the scope metrics"


async def test_health_and_head_of_it_are_open(locked: httpx.AsyncClient) -> None:
    assert (await locked.get("/health/ready")).status_code == 200
    assert (await locked.head("/health/live")).status_code == 200


async def test_head_is_refused_as_get_is_and_without_a_body(locked: httpx.AsyncClient) -> None:
    answer = await locked.head("/metrics")
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("path", ["/predict", "/predict/batch", "/compare", "/explain", "/feedback"])
async def test_the_body_is_not_read_before_the_key(locked_app: Application, path: str) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was asked for")

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-length", b"1000")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "http_version": "1.1"}
    await locked_app(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_texts_are_counted_one_by_one_in_batches_and_once_for_every_model(
    locked_app: Application, locked: httpx.AsyncClient
) -> None:
    headers = bearing(OTHER_KEY)
    assert (await locked.post("/predict", json={"text": "좋아요"}, headers=headers)).status_code == 200
    refused = await locked.post("/predict/batch", json={"texts": ["좋아요"] * 4}, headers=headers)
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:nunchi:problem:limit-exceeded"
    assert refused.json()["detail"] == "this key may have 1 texts a minute, 4 at once, scored"
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    assert (await locked.post("/compare", json={"text": "좋아요"}, headers=headers)).status_code == 200
    assert (await locked.post("/predict", json={"text": " "}, headers=headers)).status_code == 422
    assert (await locked.post("/predict", json={"text": "좋아요"}, headers=headers)).status_code == 429
    assert (await locked.post("/predict", json={"text": "좋아요"}, headers=bearing(KEY))).status_code == 200
    value = locked_app.metrics.registry.get_sample_value
    assert value("sentiment_access_refused_total", {"reason": "limit"}) == 2


async def test_no_line_of_the_log_and_no_answer_holds_a_key(
    locked: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        answers = [await locked.get(path, headers=bearing(UNKNOWN_KEY)) for path in ("/models", "/nowhere")]
    assert all(UNKNOWN_KEY not in answer.text for answer in answers)
    assert all(UNKNOWN_KEY not in str(vars(record)) for record in caplog.records)


async def test_every_page_is_guarded(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert "text/html" in page.headers["content-type"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/models", "/health/live", "/metrics", "/nowhere", "/openapi.json"])
async def test_no_answer_is_kept_or_guessed_at(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_predictions_are_not_guessed_at(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict", json={"text": "좋아요"})
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/metrics", "/predict"])
async def test_a_path_with_a_newline_is_no_other_path(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await client.request(method, f"{path}%0A")).status_code == 404


async def test_a_page_that_rebinds_its_name_reads_nothing(client: httpx.AsyncClient) -> None:
    for method, path, body in OPERATIONS.values():
        answer = await client.request(method, path, json=body, headers={"Host": "evil.example"})
        assert answer.status_code == 421
        assert "evil" not in answer.text


async def test_a_page_of_another_site_changes_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict", json={"text": "좋아요"}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:nunchi:problem:cross-site")


async def test_the_documentation_says_who_may_ask(client: httpx.AsyncClient) -> None:
    page = (await client.get("/openapi.json")).json()
    assert set(page["components"]["securitySchemes"]) == {"bearer", "basic"}
    operation = page["paths"]["/feedback"]["post"]
    assert operation["security"] == [{"bearer": ["feedback"]}, {"basic": ["feedback"]}]
    assert {"400", "401", "403", "421"} <= set(operation["responses"])
    assert "security" not in page["paths"]["/health/live"]["get"]
    assert "429" in page["paths"]["/compare"]["post"]["responses"]
    assert "limit" not in json.dumps(page["paths"]["/feedback"])
