"""Ten odd inputs, each with the answer that the design names, from the real service with both engines."""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.system.server import Server, serving

pytestmark = pytest.mark.system

REVIEW = "배우들 연기가 정말 좋았어요"
TWO_MIB = json.dumps({"text": "가" * (2 * 1024 * 1024 // 3)}, ensure_ascii=False).encode()
ENGINES = [pytest.param("onnx"), pytest.param("tensorflow", marks=pytest.mark.tensorflow)]

ODD_INPUTS = {
    "empty": (json.dumps({"text": ""}).encode(), 422),
    "blanks": (json.dumps({"text": " \t\n\u3000\u200b"}).encode(), 422),
    "emoji only": (json.dumps({"text": "😀🎬👍🏽"}).encode(), 200),
    "NFD Hangul": (json.dumps({"text": unicodedata.normalize("NFD", REVIEW)}).encode(), 200),
    "jamo only": (json.dumps({"text": "ㅋㅋㅋㅠㅠ"}).encode(), 200),
    "5,000 characters": (json.dumps({"text": "가" * 5000}).encode(), 200),
    "5,001 characters": (json.dumps({"text": "가" * 5001}).encode(), 422),
    "lone surrogate": (rb'{"text": "\ud800"}', 422),
    "NUL": (rb'{"text": "\u0000"}', 422),
    "NUL within a text": (rb'{"text": "\uc601\u0000\ud654"}', 200),
    "broken JSON": (b'{"text": "', 422),
    "2 MiB": (TWO_MIB, 413),
}


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, shipped_store: Path) -> Iterator[Server]:
    with serving(shipped_store, NUNCHI_ENGINE=request.param) as server:
        engines = {model["engine"] for model in httpx.get(f"{server.url}/models").json()["models"]}
        assert request.param in engines
        yield server


@pytest.mark.parametrize("name", ODD_INPUTS)
def test_an_odd_input_gets_the_answer_that_the_design_names(server: Server, name: str) -> None:
    body, status = ODD_INPUTS[name]
    answer = httpx.post(f"{server.url}/predict", content=body, timeout=60)
    check(answer, status)


@pytest.mark.parametrize("name", ODD_INPUTS)
def test_it_gets_the_same_in_a_batch(server: Server, name: str) -> None:
    body, status = ODD_INPUTS[name]
    batch = body.replace(b'{"text": ', b'{"texts": [').replace(b"}", b"]}")
    check(httpx.post(f"{server.url}/predict/batch", content=batch, timeout=60), status)


def test_two_mib_in_chunks_without_a_declared_length_are_refused(server: Server) -> None:
    chunks = (TWO_MIB[start : start + 16_384] for start in range(0, len(TWO_MIB), 16_384))
    check(httpx.post(f"{server.url}/predict", content=chunks, timeout=60), 413)


def test_hangul_typed_in_parts_scores_like_hangul_in_syllables(server: Server) -> None:
    composed, decomposed = (
        httpx.post(f"{server.url}/predict", json={"text": unicodedata.normalize(form, REVIEW)}, timeout=60).json()
        for form in ("NFC", "NFD")
    )
    assert composed["scores"] == decomposed["scores"]


def test_the_process_is_as_well_as_before(server: Server) -> None:
    assert httpx.get(f"{server.url}/health/ready").status_code == 200
    metrics = httpx.get(f"{server.url}/metrics").text
    assert 'http_response_status_code="500"' not in metrics
    assert REVIEW not in server.log.read_text(encoding="utf-8")


def check(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    content = answer.json()
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert content["request_id"] == answer.headers["x-request-id"]
        assert set(content) - {"index"} == {"type", "title", "status", "detail", "request_id"}
        return
    for prediction in content.get("predictions", [content]):
        assert sum(prediction["scores"].values()) == pytest.approx(1, abs=1e-5)
        assert prediction["score"] == prediction["scores"][prediction["label"]]
