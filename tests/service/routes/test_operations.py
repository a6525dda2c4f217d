import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from service.app import Application, create_app
from service.settings import Settings
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio


async def test_it_is_live_before_it_is_ready(settings: Settings) -> None:
    async with client_of(create_app(settings)) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        refused = await client.get("/health/ready")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["detail"] == "the default model gru is loading"
        assert (await client.post("/predict", json={"text": "좋아요"})).status_code == 503


async def test_it_is_ready_once_the_default_model_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/ready")).json() == {"status": "ready"}


async def test_a_process_that_is_stopping_is_not_ready_but_still_answers(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    fresh_app.readiness.stopping = True
    assert (await fresh_client.get("/health/ready")).json()["detail"] == "the process is stopping"
    assert (await fresh_client.get("/health/live")).status_code == 200
    assert (await fresh_client.post("/predict", json={"text": "좋아요"})).status_code == 200


async def test_a_default_model_that_was_refused_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gru" / "1").mkdir(parents=True)
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        detail = (await client.get("/health/ready")).json()["detail"]
        assert detail.startswith("the default model gru/1 is refused: no readable manifest")
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
async def test_metrics_come_in_the_format_that_is_asked_for(
    client: httpx.AsyncClient, accept: str, media_type: str
) -> None:
    await client.post("/predict", json={"text": "좋아요"})
    answer = await client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith(media_type)
    parse = parse_openmetrics if media_type.startswith("application") else text_string_to_metric_families
    families = {family.name for family in parse(answer.text)}
    assert {"sentiment_requests", "sentiment_inference_duration_seconds", "sentiment_build_info"} <= families
    assert "_created" not in answer.text


async def test_labels_never_hold_what_a_caller_sent(fresh_app: Application, fresh_client: httpx.AsyncClient) -> None:
    for path in ("/wp-admin.php", "/predict/../secret", "/models/가"):
        await fresh_client.get(path)
    await fresh_client.request("SECRET", "/predict")
    await fresh_client.post("/predict", json={"text": "좋아요", "model": "secret"})
    text = (await fresh_client.get("/metrics")).text
    assert not re.search("wp-admin|secret|SECRET|가", text)
    labels = {"http_request_method": "GET", "http_route": "_other", "http_response_status_code": "404"}
    counted = fresh_app.metrics.registry.get_sample_value("http_server_request_duration_seconds_count", labels)
    assert counted == 3
    labels = {"http_request_method": "_OTHER", "http_route": "/predict", "http_response_status_code": "405"}
    assert fresh_app.metrics.registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1


async def test_nothing_is_left_active_when_everything_was_answered(app: Application, client: httpx.AsyncClient) -> None:
    await client.post("/predict", json={"text": "좋아요"})
    await client.post("/predict", content=b"{")
    labels = {"http_request_method": "POST"}
    assert app.metrics.registry.get_sample_value("http_server_active_requests", labels) == 0
