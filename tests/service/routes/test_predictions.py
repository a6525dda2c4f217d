import asyncio
import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.layout import VersionRef
from service.app import Application
from service.schemas import Prediction, PredictionBatch, Problem
from service.settings import Settings
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio

REVIEW = "배우 연기가 정말 좋았어요"
LONGEST = "가" * 5000


async def predict(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/predict", json=body)


def assert_problem(answer: httpx.Response, status: int, part: str = "") -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    Problem.model_validate(content)
    assert content["status"] == status
    assert content["request_id"] == answer.headers["x-request-id"]
    assert part in content["detail"]
    return content


async def test_a_text_gets_the_documented_answer(client: httpx.AsyncClient) -> None:
    answer = await predict(client, text=REVIEW)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    prediction = Prediction.model_validate_json(answer.content, strict=True)
    assert json.loads(answer.content) == json.loads(prediction.model_dump_json())
    assert (prediction.model, prediction.version) == ("gru", 2)
    assert prediction.label == max(prediction.scores, key=prediction.scores.__getitem__)
    assert sum(prediction.scores.values()) == pytest.approx(1, abs=2e-6)
    assert prediction.experiment is None


async def test_the_caller_may_choose_model_and_version(client: httpx.AsyncClient) -> None:
    chosen = (await predict(client, text=REVIEW, model="gru", version=1)).json()
    latest = (await predict(client, text=REVIEW, model="gru", version=None)).json()
    other = (await predict(client, text=REVIEW, model="lstm")).json()
    assert [(item["model"], item["version"]) for item in (chosen, latest, other)] == [
        ("gru", 1),
        ("gru", 2),
        ("lstm", 1),
    ]
    assert chosen["score"] != latest["score"]


@pytest.mark.parametrize(
    "text",
    [
        "😀🎬",
        "ㅋㅋㅋㅋㅋㅋ",
        "ㅠ",
        unicodedata.normalize("NFD", REVIEW),
        "e\u0301",
        "𠮷野家",
        "가" * 5000,
        "a\u0000b",
        ".",
    ],
)
async def test_odd_texts_are_scored(client: httpx.AsyncClient, text: str) -> None:
    assert (await predict(client, text=text)).status_code == 200


async def test_hangul_typed_in_parts_is_the_same_text(client: httpx.AsyncClient) -> None:
    composed = (await predict(client, text=REVIEW)).json()
    decomposed = (await predict(client, text=unicodedata.normalize("NFD", REVIEW))).json()
    assert composed["scores"] == decomposed["scores"]


async def test_a_long_text_is_cut_and_says_so(client: httpx.AsyncClient) -> None:
    cut = (await predict(client, text="영화" * 1000)).json()
    whole = (await predict(client, text="영화" * 128)).json()
    assert (cut["truncated"], whole["truncated"]) == (True, False)
    assert cut["scores"] == whole["scores"]


@pytest.mark.parametrize("text", ["", " ", "\t\n ", "\u3000", "\u0000\u0001", "\u200b", "\ufeff"])
async def test_nothing_but_blanks_and_control_characters_is_refused(client: httpx.AsyncClient, text: str) -> None:
    assert_problem(await predict(client, text=text), 422, "nothing but blanks")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": REVIEW, "version": 1}, 422),
        ({"text": 5}, 422),
        ({"text": "가" * 5001}, 422),
        ({"text": REVIEW, "unknown": 1}, 422),
        ({"text": REVIEW, "model": "gru", "version": "1"}, 422),
        ({"text": REVIEW, "model": "gru", "version": True}, 422),
        ({"text": REVIEW, "model": "nobody"}, 404),
        ({"text": REVIEW, "model": "../gru"}, 404),
        ({"text": REVIEW, "model": "gru", "version": 7}, 404),
        ({"text": REVIEW, "model": "gru", "version": 10**30}, 404),
    ],
)
async def test_a_wrong_request_gets_a_problem_without_an_echo(
    client: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await predict(client, **body)
    assert_problem(answer, status)
    assert REVIEW not in answer.text
    assert "nobody" not in answer.text


@pytest.mark.parametrize("raw", [b"", b"{", rb'{"text": "\ud800"}', b'{"text": "\xff"}'])
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, raw: bytes) -> None:
    assert_problem(await client.post("/predict", content=raw), 422, "not JSON in UTF-8")


async def test_a_body_may_come_without_a_content_type(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict", content=json.dumps({"text": REVIEW}).encode())
    assert answer.status_code == 200


async def test_a_batch_answers_every_text_in_order_as_it_would_alone(client: httpx.AsyncClient) -> None:
    texts = [f"{REVIEW} {number}" * (number % 5 + 1) for number in range(100)]
    answer = await client.post("/predict/batch", json={"texts": texts, "model": "gru"})
    batch = PredictionBatch.model_validate_json(answer.content, strict=True)
    assert json.loads(answer.content) == json.loads(batch.model_dump_json())
    for text, prediction in zip(texts, batch.predictions, strict=True):
        alone = (await predict(client, text=text)).json()
        assert prediction.scores == pytest.approx(alone["scores"], abs=2e-6)
    assert len({prediction.prediction_id for prediction in batch.predictions}) == 100


async def test_a_full_batch_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict/batch", json={"texts": ["좋아요"] * 1024})
    assert len(answer.json()["predictions"]) == 1024


@pytest.mark.parametrize("bad", ["", " \u200b", "가" * 5001, 5, None])
async def test_one_bad_text_fails_the_batch_and_is_named(client: httpx.AsyncClient, bad: object) -> None:
    answer = await client.post("/predict/batch", json={"texts": ["좋아", "싫어", "음", bad, "끝"]})
    problem = assert_problem(answer, 422, "texts[3]")
    assert problem["index"] == 3


@pytest.mark.parametrize("texts", [[], ["a"] * 1025, "좋아", None])
async def test_a_batch_holds_1_to_1024_texts(client: httpx.AsyncClient, texts: object) -> None:
    assert_problem(await client.post("/predict/batch", json={"texts": texts}), 422, "texts")


async def test_a_blank_text_late_in_a_large_batch_leaves_nothing_behind(
    app: Application, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/predict/batch", json={"texts": [*["좋아요"] * 1000, " "]})
    assert assert_problem(answer, 422)["index"] == 1000
    assert app.registry.get("gru", None).batcher.pending == 0


async def test_too_many_waiting_texts_are_refused_with_a_time_to_come_back(store: Path) -> None:
    async with running(Settings(model_store=store, queue_rows=10)) as app, client_of(app) as client:
        with app.registry.get("gru", None).batcher.admit(10):
            answer = await predict(client, text=REVIEW)
        assert_problem(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        assert (await predict(client, text=REVIEW)).status_code == 200


async def test_many_clients_at_once_each_get_their_own_answer(client: httpx.AsyncClient) -> None:
    texts = [f"영화 {number}" for number in range(64)]
    alone = [(await predict(client, text=text)).json()["scores"] for text in texts]
    together = await asyncio.gather(*(predict(client, text=text) for text in texts))
    assert [answer.json()["scores"] for answer in together] == alone


async def test_a_default_model_that_cannot_be_served_is_not_the_callers_fault(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    (tmp_path / "bilstm" / "1").mkdir(parents=True)
    async with running(Settings(model_store=tmp_path, default_model="bilstm")) as app, client_of(app) as client:
        answer = await predict(client, text=REVIEW)
        assert_problem(answer, 503, "the default model is not served")
        assert answer.headers["retry-after"]
        assert (await predict(client, text=REVIEW, model="lstm")).status_code == 200
        assert_problem(await client.get("/health/ready"), 503, "the default model bilstm/1 is refused")


async def test_requests_and_predictions_are_counted_for_the_version_that_answered(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    await predict(fresh_client, text=REVIEW, model="lstm")
    await fresh_client.post("/predict/batch", json={"texts": [REVIEW, "최고"], "model": "lstm"})

    def value(name: str, **labels: str) -> float | None:
        return fresh_app.metrics.registry.get_sample_value(name, {"model": "lstm", "version": "1", **labels})

    assert value("sentiment_requests_total") == 2
    assert value("sentiment_confidence_count") == 3
    predictions = [
        value("sentiment_predictions_total", role="served", label=label) or 0 for label in ("negative", "positive")
    ]
    assert sum(predictions) == 3
    assert value("sentiment_inference_duration_seconds_count", role="served") == 2
    assert value("sentiment_batch_size_sum") == 3
    assert value("sentiment_input_tokens_sum") == 24
    assert value("sentiment_pending_requests") == 0


async def test_swaps_under_traffic_fail_no_request(fresh_app: Application, fresh_client: httpx.AsyncClient) -> None:
    old, new = VersionRef("gru", 1), VersionRef("gru", 2)
    expected = {
        version: (await predict(fresh_client, text=REVIEW, model="gru", version=version)).json()["scores"]
        for version in (1, 2)
    }
    await fresh_app.registry.unload(old)

    async def swap() -> None:
        for first, second in ((new, old), (old, new)) * 10:
            assert await fresh_app.registry.load(second)
            await fresh_app.registry.unload(first)

    swapping = asyncio.create_task(swap())
    answers = []
    while not swapping.done():
        single = await predict(fresh_client, text=REVIEW, model="gru")
        batch = await fresh_client.post("/predict/batch", json={"texts": [REVIEW] * 100, "model": "gru"})
        assert (single.status_code, batch.status_code) == (200, 200)
        answers += [single.json(), *batch.json()["predictions"]]
    await swapping
    assert {answer["version"] for answer in answers} == {1, 2}
    for answer in answers:
        assert answer["scores"] == pytest.approx(expected[answer["version"]], abs=2e-6)


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("wish", ["soon", "-1", "0", "1e3"])
async def test_a_wish_for_a_time_that_is_none_is_refused(client: httpx.AsyncClient, path: str, wish: str) -> None:
    body = {"text": REVIEW} if path == "/predict" else {"texts": [REVIEW]}
    answer = await client.post(path, json=body, headers={"x-request-timeout": wish})
    assert_problem(answer, 422, "X-Request-Timeout is no number of seconds")


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
async def test_what_cannot_be_answered_in_the_time_wished_for_is_a_504_and_counted(
    fresh_app: Application, fresh_client: httpx.AsyncClient, path: str
) -> None:
    body = {"text": REVIEW} if path == "/predict" else {"texts": [REVIEW] * 1000}
    answer = await fresh_client.post(path, json=body, headers={"x-request-timeout": "0.000001"})
    assert_problem(answer, 504, "it was not answered within its time")
    assert fresh_app.metrics.registry.get_sample_value("sentiment_late_requests_total") == 1
    assert fresh_app.metrics.registry.get_sample_value(
        "sentiment_pending_requests", {"model": "gru", "version": "2"}
    ) == 0  # fmt: skip


async def test_the_time_that_the_operator_allows_is_the_most(store: Path) -> None:
    async with running(Settings(model_store=store, request_timeout_s=1e-6)) as app, client_of(app) as client:
        answer = await client.post("/predict", json={"text": REVIEW}, headers={"x-request-timeout": "60"})
        assert_problem(answer, 504)


async def test_others_are_answered_while_a_large_batch_is(client: httpx.AsyncClient) -> None:
    large = asyncio.create_task(client.post("/predict/batch", json={"texts": [REVIEW] * 1024}))
    answered = 0
    while not large.done():
        assert (await predict(client, text=REVIEW)).status_code == 200
        answered += 1
    assert answered > 10
