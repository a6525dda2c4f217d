import ast
import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

import service
from service import errors
from service.app import Application, create_app
from service.documentation import DocumentedFastAPI
from service.errors import StartError
from service.reporting import ReportMaker
from service.settings import Settings
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio

REFUSALS = {"400", "401", "403", "421"}
"""What every route may answer before it is asked; `tests/service/security` looks at these."""

SERVICE = Path(service.__file__).parent


async def test_a_store_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="NUNCHI_MODEL_STORE"):
        create_app(Settings(model_store=tmp_path / "nowhere"))


async def test_the_end_of_the_service_ends_the_process_that_makes_reports(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    class FakeMaker(ReportMaker):
        async def end(self) -> None:
            ended.append("maker")

    monkeypatch.setattr("service.app.ReportMaker", FakeMaker)
    async with running(Settings(model_store=store)):
        assert ended == []
    assert ended == ["maker"]


async def test_an_empty_store_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="NUNCHI_MODEL_STORE: there is no model version in"):
        create_app(Settings(model_store=tmp_path))


async def test_what_has_a_fused_graph_is_loaded_before_what_has_none(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    (tmp_path / "bilstm" / "1").mkdir(parents=True)
    with caplog.at_level("INFO"):
        async with running(Settings(model_store=tmp_path)):
            pass
    events = [record.getMessage() for record in caplog.records]
    assert events.index("model_refused") > max(place for place, event in enumerate(events) if event == "model_ready")


@pytest.mark.parametrize(
    ("name", "hint"), [("grub", "the nearest known one is gru"), ("transformer", "known are gru, lstm")]
)
async def test_a_default_model_that_is_not_in_the_store_stops_the_start(store: Path, name: str, hint: str) -> None:
    with pytest.raises(StartError, match=f"NUNCHI_DEFAULT_MODEL: {name} is not in .*; {hint}$"):
        create_app(Settings(model_store=store, default_model=name))


async def test_routing_errors_are_problems_too(client: httpx.AsyncClient) -> None:
    for method, path, status in (
        ("GET", "/nowhere", 404),
        ("GET", "/predict", 405),
        ("POST", "/models", 405),
        ("POST", "/predict/", 404),
        ("DELETE", "/health/live", 405),
    ):
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert path not in answer.text
    assert (await client.get("/predict")).headers["allow"] == "POST"
    assert (await client.post("/models")).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/models", "/docs", "/openapi.json", "/nowhere"])
async def test_head_is_answered_like_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    head, whole = await client.head(path), await client.get(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == whole.headers[name]


async def test_head_is_counted_as_head_and_never_reaches_a_path_that_takes_post(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    assert (await fresh_client.head("/metrics")).status_code == 200
    assert (await fresh_client.head("/predict")).status_code == 405
    for route, status in (("/metrics", "200"), ("/predict", "405")):
        labels = {"http_request_method": "HEAD", "http_route": route, "http_response_status_code": status}
        assert fresh_app.metrics.registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1


async def test_a_request_keeps_its_name_on_every_route(client: httpx.AsyncClient) -> None:
    for path in ("/models", "/nowhere", "/health/ready"):
        assert (await client.get(path, headers={"X-Request-ID": "mine"})).headers["x-request-id"] == "mine"


async def test_an_error_behind_the_front_is_a_500_that_says_nothing(
    fresh_app: Application, fresh_client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    fresh_app.metrics.pending_requests.labels("gru", "9").set_function(lambda: 1 / 0)
    answer = await fresh_client.get("/metrics")
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal error")
    assert "division" not in answer.text
    assert [record.getMessage() for record in caplog.records[-2:]] == ["unexpected_error", "request"]


async def test_the_documentation_is_complete(client: httpx.AsyncClient) -> None:
    page = (await client.get("/openapi.json")).json()
    assert set(page["paths"]) == {
        "/predict",
        "/predict/batch",
        "/compare",
        "/explain",
        "/feedback",
        "/feedback/batch",
        "/experiments",
        "/experiments/{name}",
        "/experiments/{name}/report",
        "/experiments/{name}/disagreements",
        "/ui/experiments/{name}",
        "/clients",
        "/models",
        "/models/{model}/{version}/load",
        "/models/{model}/{version}/unload",
        "/models/{model}/aliases/{alias}",
        "/models/{model}/aliases/{alias}/rollback",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
    for path, request, answer in (
        ("/predict", "PredictRequest", "Prediction"),
        ("/predict/batch", "PredictBatchRequest", "PredictionBatch"),
    ):
        operation = page["paths"][path]["post"]
        assert reference(operation["requestBody"]["content"]["application/json"]) == request
        assert reference(operation["responses"]["200"]["content"]["application/json"]) == answer
        assert {item["name"].lower() for item in operation["parameters"]} == {
            "x-client-key",
            "x-request-id",
            "x-request-timeout",
        }
        [key] = [item for item in operation["parameters"] if item["name"].lower() == "x-client-key"]
        assert "one arm of an experiment" in key["description"]
        assert set(operation["responses"]) - REFUSALS == {"200", "404", "413", "422", "429", "500", "503", "504"}
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"]
            assert ("Retry-After" in response["headers"]) is (status in {"429", "503"})
            if status != "200":
                assert set(response["content"]) == {"application/problem+json"}
                assert reference(response["content"]["application/problem+json"]) == "Problem"


@pytest.mark.parametrize(
    ("path", "request_body", "answer", "problems"),
    [
        ("/compare", "CompareRequest", "Comparison", {"404", "413", "422", "429", "500", "503"}),
        ("/explain", "ExplainRequest", "Explanation", {"404", "413", "422", "429", "500", "503", "504"}),
        ("/feedback", "FeedbackRequest", "FeedbackAnswer", {"404", "409", "410", "413", "422", "503"}),
        ("/feedback/batch", "FeedbackBatchRequest", "FeedbackBatchAnswer", {"413", "422"}),
        ("/experiments/{name}", None, "ExperimentStatus", {"404"}),
        ("/experiments/{name}/disagreements", None, "LabelQueue", {"404", "422", "503"}),
        ("/clients", None, "Forgotten", {"422", "503"}),
    ],
)
async def test_plain_routes_are_documented_with_their_bodies_and_problems(
    client: httpx.AsyncClient, path: str, request_body: str | None, answer: str, problems: set[str]
) -> None:
    page = (await client.get("/openapi.json")).json()
    [operation] = page["paths"][path].values()
    if request_body is not None:
        assert reference(operation["requestBody"]["content"]["application/json"]) == request_body
    assert reference(operation["responses"]["200"]["content"]["application/json"]) == answer
    assert set(operation["responses"]) - {"200", "202"} - REFUSALS == problems
    for status in problems:
        [media_type] = operation["responses"][status]["content"]
        assert media_type == "application/problem+json"


async def test_every_reference_of_the_documentation_leads_somewhere(client: httpx.AsyncClient) -> None:
    text = (await client.get("/openapi.json")).text
    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)
    assert "$defs" not in text


def reference(content: dict[str, Any]) -> str:
    return str(content["schema"]["$ref"]).rsplit("/", 1)[1]


async def test_the_documentation_shows_the_limits(client: httpx.AsyncClient) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    assert schemas["PredictRequest"]["properties"]["text"]["maxLength"] == 5000
    assert schemas["PredictRequest"]["additionalProperties"] is False
    assert schemas["PredictBatchRequest"]["properties"]["texts"]["maxItems"] == 1024


async def test_the_page_of_the_api_is_written_once_however_often_it_is_asked_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await client.get("/openapi.json")
    monkeypatch.setattr(DocumentedFastAPI, "openapi", None)
    assert (await client.get("/openapi.json")).content == first.content


async def test_the_documentation_can_be_switched_off(store: Path) -> None:
    async with running(Settings(model_store=store, docs=False)) as app, client_of(app) as client:
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 404
        assert (await client.get("/models")).status_code == 200


def test_every_error_has_its_own_name() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ServiceError)]
    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(re.fullmatch("[a-z-]+", kind.slug) for kind in kinds)


async def test_the_page_of_the_api_names_every_route_and_every_problem(client: httpx.AsyncClient) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for path, operations in (await client.get("/openapi.json")).json()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in page
    for kind in errors.ServiceError.__subclasses__():
        assert f"`{kind.slug}`" in page


@pytest.mark.parametrize("path", sorted(SERVICE.rglob("*.py")), ids=lambda path: str(path.relative_to(SERVICE)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 250
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, node.name
