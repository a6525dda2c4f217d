"""What a version is not certain of is told wherever it answers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.settings import Settings
from tests.service.conftest import client_of, running
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.anyio

TEXTS = ["영화 정말 좋았어요", "지루했어요 ㅠㅠ", "최고!", "배우 연기는 별로 재미도 없다", "x", "ㅋㅋㅋㅋ"]


@pytest.fixture
async def wavering(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A service of gru/1, which is certain of every answer, and gru/2, the same but certain of half of these texts."""
    publish_version(tmp_path, "gru")
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        answers = (await client.post("/predict/batch", json={"texts": TEXTS})).json()["predictions"]
    middle = sorted(answer["score"] for answer in answers)[len(TEXTS) // 2] - 1e-5
    publish_version(tmp_path, "gru", Shape(certain_from=middle))
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        yield client


async def _ask(client: httpx.AsyncClient, route: str, **body: Any) -> Any:
    answer = await client.post(route, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_route_says_of_the_same_texts_that_they_are_uncertain(wavering: httpx.AsyncClient) -> None:
    single = [(await _ask(wavering, "/predict", text=text, model="gru"))["uncertain"] for text in TEXTS]
    batch = (await _ask(wavering, "/predict/batch", texts=TEXTS, model="gru"))["predictions"]
    compared = [(await _ask(wavering, "/compare", text=text, models=["gru"]))["models"][0] for text in TEXTS]

    assert sorted(single) == [False] * 3 + [True] * 3
    assert [item["uncertain"] for item in batch] == single
    assert [item["uncertain"] for item in compared] == single


async def test_a_version_that_says_nothing_about_it_is_certain_of_all(wavering: httpx.AsyncClient) -> None:
    answers = (await _ask(wavering, "/predict/batch", texts=TEXTS, model="gru", version=1))["predictions"]

    assert not any(item["uncertain"] for item in answers)


async def test_the_list_of_models_says_from_when_on_an_answer_is_certain(wavering: httpx.AsyncClient) -> None:
    first, second = (await wavering.get("/models")).json()["models"]

    assert first["certain_from"] is None
    assert 0.5 < second["certain_from"] < 1


async def test_an_explanation_says_it_as_well(wavering: httpx.AsyncClient) -> None:
    for text in TEXTS[:2]:
        [first, second] = (await _ask(wavering, "/explain", text=text, models=["gru/1", "gru/2"]))["models"]
        assert not first["uncertain"]
        assert second["uncertain"] == (await _ask(wavering, "/predict", text=text, model="gru"))["uncertain"]
