import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.layout import FUSED_GRAPH
from service.app import Application
from service.schemas_explanation import Explanation
from service.settings import Settings
from tests.service.conftest import client_of, running
from tests.service.routes.test_predictions import REVIEW, assert_problem
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.anyio


async def explain(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/explain", json=body)


async def explained(client: httpx.AsyncClient, **body: Any) -> Explanation:
    answer = await explain(client, **body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return Explanation.model_validate_json(answer.content, strict=True)


async def test_every_model_is_explained_beside_what_it_would_answer(client: httpx.AsyncClient) -> None:
    found = await explained(client, text=REVIEW)
    compared = (await client.post("/compare", json={"text": REVIEW})).json()
    assert found.agreement.model_dump() == compared["agreement"]
    assert (found.label, found.labels) == ("positive", ["negative", "positive"])
    assert len(found.models) == len(compared["models"]) == 2
    for item, beside in zip(found.models, compared["models"], strict=True):
        assert (item.model, item.version, item.answer) == (beside["model"], beside["version"], beside["label"])
        assert (item.score, item.scores) == (beside["score"], beside["scores"])
        assert (len(item.tokens), item.truncated, item.unknown_tokens) == (11, False, 0)
        assert item.trajectory[-1] == pytest.approx(item.scores["positive"], abs=2e-6)
        assert item.replay_difference < 1e-5


async def test_the_answer_says_nothing_of_the_text_but_where_its_tokens_are(client: httpx.AsyncClient) -> None:
    answer = await explain(client, text="영화 <b>최고</b> 👍\u202e 연기")
    assert answer.status_code == 200
    assert not any(part in answer.text for part in ("영화", "<b>", "최고", "👍", "\u202e", "연기"))


async def test_the_label_to_follow_may_be_named(client: httpx.AsyncClient) -> None:
    positive, negative = [await explained(client, text=REVIEW, label=label) for label in ("positive", "negative")]
    for one, other in zip(positive.models, negative.models, strict=True):
        assert [a + b for a, b in zip(one.trajectory, other.trajectory, strict=True)] == pytest.approx([1] * 11)
        assert [a + b for a, b in zip(one.occlusion, other.occlusion, strict=True)] == pytest.approx([0] * 11, abs=1e-5)
    assert (negative.label, positive.label) == ("negative", "positive")


async def test_units_are_shown_on_request(client: httpx.AsyncClient) -> None:
    [without], [with_units] = [
        (await explained(client, text=REVIEW, models=["gru"], units=units)).models[0].layers for units in (False, True)
    ]
    assert without.per_unit is None
    assert with_units.per_unit is not None
    assert {len(row) for rows in with_units.per_unit.values() for row in rows} == {8}


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({"text": " "}, 422, "nothing but blanks"),
        ({"text": "가" * 5001}, 422, "text has more than 5000 characters"),
        ({"text": REVIEW, "model": "gru"}, 422, "not documented"),
        ({"text": REVIEW, "models": []}, 422, "models must hold at least one item"),
        ({"text": REVIEW, "models": ["gru", "gru/2"]}, 422, "the same version twice"),
        ({"text": REVIEW, "models": ["gru", "nobody"]}, 404, "there is no such model, version or alias"),
        ({"text": REVIEW, "label": "nobody"}, 422, "label must be one of those of the models: negative, positive"),
        ({"text": REVIEW, "label": 1}, 422, "label must be a string"),
        ({"text": REVIEW, "units": "yes"}, 422, "units is not allowed"),
    ],
)
async def test_a_wrong_request_gets_a_problem_without_an_echo(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, part: str
) -> None:
    answer = await explain(client, **body)
    assert_problem(answer, status, part)
    assert "nobody" not in answer.text


@pytest.fixture(scope="module")
async def mixed(store: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A service with models of three labels, four of two, and one that has no fused graph."""
    mixed = tmp_path_factory.mktemp("mixed") / "store"
    shutil.copytree(store, mixed)
    for seed in (0, 1):
        publish_version(mixed, "chatbot", Shape(labels=("daily", "loss", "love"), seed=seed))
    for name in ("bigru", "rnn"):
        publish_version(mixed, name)
    async with running(Settings(model_store=mixed)) as app, client_of(app) as client:
        yield client


async def test_of_three_labels_the_one_that_most_models_give_is_followed(mixed: httpx.AsyncClient) -> None:
    found = await explained(mixed, text=REVIEW, models=["chatbot/1", "chatbot/2"])
    assert found.label == found.agreement.label
    assert found.labels == ["daily", "loss", "love"]
    assert found.models[0].trajectory[-1] == pytest.approx(found.models[0].scores[found.label], abs=2e-6)


async def test_every_unit_of_more_than_three_models_is_too_much(mixed: httpx.AsyncClient) -> None:
    assert_problem(await explain(mixed, text=REVIEW, units=True), 422, "at most 3 models")
    assert len((await explained(mixed, text=REVIEW)).models) == 4
    assert (await explain(mixed, text=REVIEW, models=["gru", "lstm", "rnn"], units=True)).status_code == 200


async def test_files_that_changed_under_a_served_version_are_not_explained(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "store"
    shutil.copytree(store, own)
    async with running(Settings(model_store=own)) as app, client_of(app) as client:
        with (own / "lstm/1" / FUSED_GRAPH).open("ab") as file:
            file.write(b" ")
        answer = await explain(client, text=REVIEW)
        assert_problem(answer, 503, "lstm/1: altered: assets.extra/model.onnx")
        assert answer.headers["retry-after"]
        assert (await explain(client, text=REVIEW, models=["gru"])).status_code == 200


async def test_more_explanations_than_may_wait_are_refused(store: Path) -> None:
    async with running(Settings(model_store=store, explain_queue=1)) as app, client_of(app) as client:
        answers = await asyncio.gather(*(explain(client, text=REVIEW) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert_problem(refused, 429, "1 explanations are waiting or being made")
        assert refused.headers["retry-after"] == "1"


async def test_without_a_place_to_wait_there_is_no_such_route(store: Path) -> None:
    async with running(Settings(model_store=store, explain_queue=0)) as app, client_of(app) as client:
        assert_problem(await explain(client, text=REVIEW), 404)
        assert "/explain" not in (await client.get("/openapi.json")).json()["paths"]


async def test_an_explanation_is_no_answer_of_a_model_and_leaves_nothing_waiting(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    await explained(fresh_client, text=REVIEW)
    value = fresh_app.metrics.registry.get_sample_value
    for model, version in (("gru", "2"), ("lstm", "1")):
        labels = {"model": model, "version": version}
        assert value("sentiment_requests_total", labels) == value("sentiment_confidence_count", labels) == 0
        assert value("sentiment_pending_requests", labels) == 0
        assert value("sentiment_batch_size_sum", labels) == 1  # beginnings and the like are scored elsewhere
    assert value("sentiment_explanation_duration_seconds_count") == 1
