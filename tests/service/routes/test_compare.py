import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.layout import VersionRef
from service.app import Application
from service.comparing import Comparer
from service.schemas_comparison import CompareRequest, Comparison
from service.settings import Settings
from tests.service.conftest import client_of, running
from tests.service.routes.test_predictions import REVIEW, assert_problem
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.anyio


async def compare(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/compare", json=body)


async def compared(client: httpx.AsyncClient, **body: Any) -> Comparison:
    answer = await compare(client, **body)
    assert answer.status_code == 200, answer.text
    return Comparison.model_validate_json(answer.content, strict=True)


@pytest.fixture(scope="module")
def mixed_store(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store, with a model of other labels."""
    mixed = tmp_path_factory.mktemp("mixed") / "store"
    shutil.copytree(store, mixed)
    publish_version(mixed, "chatbot", Shape(labels=("daily", "loss", "love")))
    publish_version(mixed, "chatbot", Shape(labels=("daily", "loss", "love"), seed=1))
    return mixed


async def test_every_model_is_set_side_by_side_with_what_it_would_answer(client: httpx.AsyncClient) -> None:
    found = await compared(client, text=REVIEW)
    assert [(item.model, item.version) for item in found.models] == [("gru", 2), ("lstm", 1)]
    for item in found.models:
        alone = (await client.post("/predict", json={"text": REVIEW, "model": item.model})).json()
        assert (item.label, item.scores, item.score) == (alone["label"], alone["scores"], alone["score"])
        assert (item.tokens, item.unknown_tokens, item.truncated) == (11, 0, False)
        assert 0 < item.time_ms < 1000


async def test_what_a_model_sees_of_the_text_is_told(client: httpx.AsyncClient) -> None:
    [item] = (await compared(client, text="뷁" + "영화" * 1000, models=["gru"])).models
    assert (item.tokens, item.unknown_tokens, item.truncated) == (256, 1, True)


async def test_versions_may_be_named_and_stand_in_the_order_asked_for(client: httpx.AsyncClient) -> None:
    found = await compared(client, text=REVIEW, models=["lstm", "gru/2", "gru/1"])
    assert [(item.model, item.version) for item in found.models] == [("lstm", 1), ("gru", 2), ("gru", 1)]
    assert found.models[1].scores != found.models[2].scores


async def test_the_agreement_is_what_most_models_say(client: httpx.AsyncClient) -> None:
    seen = set()
    for text in ("좋아요", "최고", "별로", "지루했다", "재미없다", "ㅋㅋㅋ", "영화", "배우", "연기", "하하하", "abc"):
        found = await compared(client, text=text, models=["gru/1", "gru/2", "lstm"])
        labels = [item.label for item in found.models]
        assert found.agreement.label == max(set(labels), key=labels.count)
        assert found.agreement.share == pytest.approx(labels.count(found.agreement.label) / 3, abs=1e-6)
        assert found.agreement.unanimous is (len(set(labels)) == 1)
        seen.add(found.agreement.unanimous)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({"text": " "}, 422, "nothing but blanks"),
        ({"text": "가" * 5001}, 422, "text has more than 5000 characters"),
        ({"text": REVIEW, "model": "gru"}, 422, "not documented"),
        ({"text": REVIEW, "models": []}, 422, "models must hold at least one item"),
        ({"text": REVIEW, "models": ["gru"] * 17}, 422, "models holds more than 16 items"),
        ({"text": REVIEW, "models": "gru"}, 422, "models must be a list"),
        ({"text": REVIEW, "models": ["gru", 5]}, 422, "models[1] must be a string"),
        ({"text": REVIEW, "models": ["gru", "gru"]}, 422, "the same version twice"),
        ({"text": REVIEW, "models": ["gru", "gru/2"]}, 422, "the same version twice"),
        ({"text": REVIEW, "models": ["gru", "nobody"]}, 404, "there is no such model, version or alias"),
        ({"text": REVIEW, "models": ["gru/7"]}, 404, "there is no such model, version or alias"),
        ({"text": REVIEW, "models": ["gru/02"]}, 404, "there is no such model, version or alias"),
        ({"text": REVIEW, "models": ["gru/"]}, 404, "there is no such model, version or alias"),
        ({"text": REVIEW, "models": ["gru/2/1"]}, 404, "there is no such model, version or alias"),
    ],
)
async def test_a_wrong_request_gets_a_problem_without_an_echo(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, part: str
) -> None:
    answer = await compare(client, **body)
    assert_problem(answer, status, part)
    assert "nobody" not in answer.text


async def test_only_models_with_the_labels_of_the_default_model_stand_beside_it(mixed_store: Path) -> None:
    async with running(Settings(model_store=mixed_store)) as app, client_of(app) as client:
        assert [item.model for item in (await compared(client, text=REVIEW)).models] == ["gru", "lstm"]
        others = await compared(client, text=REVIEW, models=["chatbot", "chatbot/1"])
        assert [item.version for item in others.models] == [2, 1]
        assert_problem(await compare(client, text=REVIEW, models=["gru", "chatbot"]), 422, "the same labels")


async def test_a_body_is_read_up_to_the_limit_whatever_its_content_type(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    raw = json.dumps({"text": REVIEW}).encode()
    assert (await fresh_client.post("/compare", content=raw)).status_code == 200
    assert_problem(await fresh_client.post("/compare", content=raw + b" " * 1_048_576), 413)
    assert_problem(await fresh_client.post("/compare", content=b"{"), 422, "not JSON")

    def rejected(reason: str) -> float | None:
        return fresh_app.metrics.registry.get_sample_value("sentiment_input_rejected_total", {"reason": reason})

    assert (rejected("too_large"), rejected("invalid_json"), rejected("invalid_field")) == (1, 1, 0)


async def test_a_comparison_is_no_answer_of_a_model_and_leaves_nothing_waiting(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    await compared(fresh_client, text=REVIEW)
    for ref in (VersionRef("gru", 2), VersionRef("lstm", 1)):
        labels = {"model": ref.name, "version": str(ref.version)}
        value = fresh_app.metrics.registry.get_sample_value
        assert value("sentiment_requests_total", labels) == value("sentiment_confidence_count", labels) == 0
        assert value("sentiment_pending_requests", labels) == 0
        assert value("sentiment_batch_size_sum", labels) == 1  # but the work it made is


async def test_a_model_with_too_many_waiting_texts_is_not_asked_and_nothing_is_left_behind(store: Path) -> None:
    async with running(Settings(model_store=store, queue_rows=1)) as app, client_of(app) as client:
        gru, lstm = app.registry.get("gru", None), app.registry.get("lstm", None)
        with lstm.batcher.admit(1):
            answer = await compare(client, text=REVIEW)
            assert_problem(answer, 429)
            assert answer.headers["retry-after"]
        assert (gru.batcher.pending, lstm.batcher.pending) == (0, 0)
        assert (await compare(client, text=REVIEW)).status_code == 200


async def test_a_version_that_is_still_to_be_asked_is_not_closed(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    comparing = asyncio.create_task(Comparer(fresh_app.registry, "gru").compare(CompareRequest(text=REVIEW)))
    await asyncio.sleep(0)  # the first model has the text now
    await fresh_app.registry.unload(VersionRef("lstm", 1))
    assert comparing.done()
    assert [item.model.ref.name for item in comparing.result()] == ["gru", "lstm"]
    assert [item.model for item in (await compared(fresh_client, text=REVIEW)).models] == ["gru"]
    assert_problem(await compare(fresh_client, text=REVIEW, models=["lstm"]), 404)


async def test_without_the_default_model_there_is_nothing_to_compare_with(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    for number in (1, 2):
        await fresh_app.registry.unload(VersionRef("gru", number))
    assert_problem(await compare(fresh_client, text=REVIEW), 503, "the default model is not served")
    assert (await compare(fresh_client, text=REVIEW, models=["lstm"])).status_code == 200
