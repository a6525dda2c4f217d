"""The service sends its traces to a real collector."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service import __version__
from service.settings import Settings
from tests.collector import Collector, Span, collecting
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio

TEXT = "남에게 보이면 안 되는 글"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "rojo=1, congo=t61", "X-Request-ID": "r7"}
SHADOW = """
[[experiment]]
name = "gru-or-lstm"
mode = "shadow"

[[experiment.arms]]
model = "gru"

[[experiment.arms]]
model = "lstm"
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


async def sent(collector: Collector, settings: Settings, path: str, **request: object) -> httpx.Response:
    """Ask the service one thing; return the answer once the collector has what it got."""
    traced = settings.model_copy(update={"traces_endpoint": collector.url})
    async with running(traced) as app, client_of(app) as client:
        return await client.post(path, **request)  # type: ignore[arg-type]


def the_only(spans: list[Span]) -> Span:
    [span] = spans
    return span


async def test_a_request_is_a_tree_of_spans_below_the_callers(collector: Collector, settings: Settings) -> None:
    before = time.time_ns()
    await sent(collector, settings, "/predict", json={"text": TEXT}, headers=HEADERS)
    request = the_only(collector.named("POST /predict"))
    assert (request.kind, request.parent_id, request.error) == ("server", CALLER, False)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "nunchi.request_id": "r7",
        "nunchi.model": "gru",
        "nunchi.version": 2,
        "nunchi.texts": 1,
    }
    stages = [span for span in collector.spans if span is not request]
    assert sorted(span.name for span in stages) == ["encode", "inference", "parse", "queue", "serialize"]
    assert {span.parent_id for span in stages} == {request.span_id}
    assert {span.kind for span in stages} == {"internal"}
    assert {(span.trace_id, span.state) for span in collector.spans} == {(TRACE, "rojo=1,congo=t61")}
    assert len({span.span_id for span in collector.spans}) == 6
    for span in collector.spans:
        assert before - 10**9 < request.started <= span.started <= span.ended <= request.ended
    inference = the_only(collector.named("inference")).attributes
    assert {name: inference[f"nunchi.{name}"] for name in ("rows", "batch_rows", "batch_calls")} == {
        "rows": 1,
        "batch_rows": 1,
        "batch_calls": 1,
    }


async def test_a_batch_tells_of_its_parts_and_who_was_scored_with_them(
    collector: Collector, settings: Settings
) -> None:
    await sent(collector, settings, "/predict/batch", json={"texts": [TEXT] * 40, "model": "lstm"})
    assert the_only(collector.named("POST /predict/batch")).attributes["nunchi.texts"] == 40
    assert [span.attributes["nunchi.texts"] for span in collector.named("encode")] == [32, 8]
    assert sum(span.attributes["nunchi.rows"] for span in collector.named("inference")) == 40
    assert all(
        span.attributes["nunchi.batch_rows"] >= span.attributes["nunchi.rows"] for span in collector.named("inference")
    )


async def test_without_a_caller_the_trace_begins_with_the_request(collector: Collector, settings: Settings) -> None:
    await sent(collector, settings, "/predict", json={"text": TEXT}, headers={"traceparent": "no-such-parent"})
    request = the_only(collector.named("POST /predict"))
    assert (request.parent_id, request.state) == ("", "")
    assert b"no-such-parent" not in b"".join(collector.messages)


async def test_a_request_that_failed_says_with_what_and_only_ours_is_an_error(
    collector: Collector, settings: Settings
) -> None:
    answer = await sent(collector, settings, "/predict", json={"text": TEXT, "model": "no-such-model"})
    request = the_only(collector.named("POST /predict"))
    assert answer.status_code == request.attributes["http.response.status_code"] == 404
    assert request.attributes["nunchi.problem"] == "unknown-model"
    assert not request.error
    assert "nunchi.model" not in request.attributes


async def test_no_text_leaves_the_service(collector: Collector, settings: Settings) -> None:
    await sent(collector, settings, "/predict", json={"text": TEXT}, headers={"X-Client-Key": "no-such-client"})
    await sent(collector, settings, "/predict/batch", json={"texts": [TEXT]})
    await sent(collector, settings, f"/{TEXT}", json={"text": TEXT})
    assert len(collector.named("POST _other")) == 1
    everything = b"".join(collector.messages)
    assert TEXT.encode() not in everything
    assert b"no-such-client" not in everything


async def test_the_shadow_of_an_experiment_is_a_span_of_the_request_that_it_follows(
    collector: Collector, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "experiments.toml").write_text(SHADOW, encoding="utf-8")
    update = {
        "traces_endpoint": collector.url,
        "experiments": tmp_path / "experiments.toml",
        "store": f"sqlite:///{tmp_path / 'nunchi.db'}",
    }
    async with running(settings.model_copy(update=update)) as app, client_of(app) as client:
        for _ in range(600):
            if (await client.post("/predict", json={"text": TEXT})).json()["experiment"]:
                break
            await asyncio.sleep(0.05)  # it looks for experiments every second
    request = collector.named("POST /predict")[-1]
    assert request.attributes["nunchi.experiment"] == "gru-or-lstm"
    shadow = the_only(collector.named("shadow"))
    assert (shadow.trace_id, shadow.parent_id) == (request.trace_id, request.span_id)
    assert shadow.started >= request.ended
    expected = {"nunchi.arm": "lstm", "nunchi.model": "lstm", "nunchi.version": 1, "nunchi.rows": 1}
    assert shadow.attributes == expected


async def test_the_collector_is_told_who_sends(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=night")
    await sent(collector, settings, "/predict", json={"text": TEXT})
    [resource] = collector.resources
    assert (resource["service.name"], resource["service.version"]) == ("nunchi", __version__)
    assert resource["deployment.environment.name"] == "night"
    assert collector.paths == ["/v1/traces"]


async def test_a_path_of_ones_own_is_kept(collector: Collector, settings: Settings) -> None:
    collector.url += "/mine/v1/traces"
    await sent(collector, settings, "/predict", json={"text": TEXT})
    assert collector.paths == ["/mine/v1/traces"]


async def test_a_ratio_of_zero_traces_only_for_callers_who_do(collector: Collector, settings: Settings) -> None:
    rare = settings.model_copy(update={"traces_ratio": 0.0})
    await sent(collector, rare, "/predict", json={"text": TEXT})
    assert collector.spans == []
    await sent(collector, rare, "/predict", json={"text": TEXT}, headers=HEADERS)
    assert {span.trace_id for span in collector.spans} == {TRACE}


async def test_no_library_sends_anything_of_its_own(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    async with running(settings) as app, client_of(app) as client:
        await client.post("/feedback", json={"text": TEXT})
        await client.get("/models")
    assert collector.messages == []


def test_without_an_endpoint_nothing_of_it_is_imported(store: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from service.app import create_app
from service.settings import Settings
create_app(Settings(model_store=Path({str(store)!r})))
print([name for name in sys.modules if name in ("opentelemetry.sdk", "google.protobuf", "requests", "urllib3")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "[]\n", done.stderr
