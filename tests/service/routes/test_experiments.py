import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import Application
from service.schemas_experiments import ExperimentList, ExperimentStatus, LabelQueue
from service.settings import Settings
from tests.service.conftest import client_of, running
from tests.service.routes.test_predictions import REVIEW, assert_problem

pytestmark = pytest.mark.anyio

DECLARED = """
[[experiment]]
name = "gru-or-lstm"
audit_share = 1.0
[[experiment.arms]]
model = "gru"
[[experiment.arms]]
name = "challenger"
model = "lstm"
weight = 3

[[experiment]]
name = "later"
state = "stopped"
mode = "split"
[[experiment.arms]]
model = "gru"
version = 1
[[experiment.arms]]
name = "newer"
model = "gru"
version = 2
"""
ME = {b"X-Client-Key": "나".encode()}
TEXTS = ("좋아요", "최고", "별로", "지루했다", "재미없다", "영화", "배우", "연기", "하하하", "abc")


@pytest.fixture(scope="module")
async def served(store: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Application]:
    """The service with an experiment that saw ten texts of one client and one of another, three of them labelled."""
    directory = tmp_path_factory.mktemp("experiments")
    (directory / "experiments.toml").write_text(DECLARED)
    settings = Settings(
        model_store=store,
        experiments=directory / "experiments.toml",
        store=f"sqlite:///{directory / 'nunchi.db'}",
        store_text=True,
    )
    async with running(settings) as app, client_of(app) as client:
        await begun(client)
        for text in TEXTS:
            predicted = await client.post("/predict", json={"text": text}, headers=ME)
            assert predicted.json()["experiment"]["name"] == "gru-or-lstm"
        await client.post("/predict", json={"text": REVIEW}, headers={"X-Client-Key": "you"})
        await queued(client, 11)
        yield app


async def begun(client: httpx.AsyncClient) -> None:
    for _ in range(500):
        if (await client.get("/experiments/gru-or-lstm")).json()["state"] == "running":
            return
        await asyncio.sleep(0.02)
    pytest.fail("the experiment does not run")


async def queued(client: httpx.AsyncClient, count: int) -> LabelQueue:
    """Wait until so many texts wait for a label."""
    for _ in range(500):
        answer = await client.get("/experiments/gru-or-lstm/disagreements")
        queue = LabelQueue.model_validate_json(answer.content)
        if len(queue.items) == count:
            return queue
        await asyncio.sleep(0.02)
    pytest.fail(f"{len(queue.items)} texts wait, not {count}")


@pytest.fixture
async def client(served: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(served) as client:
        yield client


async def test_every_declared_experiment_is_listed_with_what_became_of_it(client: httpx.AsyncClient) -> None:
    listed = ExperimentList.model_validate_json((await client.get("/experiments")).content)
    assert listed.broken is None
    assert [(item.name, item.state, item.phase) for item in listed.experiments] == [
        ("gru-or-lstm", "running", 1),
        ("later", "stopped", None),
    ]
    runs, later = listed.experiments
    assert [(arm.name, arm.model, arm.version, arm.weight) for arm in runs.arms] == [
        ("gru", "gru", 2, 1),
        ("challenger", "lstm", 1, 3),
    ]
    assert [arm.version for arm in later.arms] == [1, 2]
    one = ExperimentStatus.model_validate_json((await client.get("/experiments/gru-or-lstm")).content)
    assert one == runs


@pytest.mark.parametrize("path", ["", "/report", "/disagreements"])
async def test_an_experiment_that_is_not_declared_is_unknown(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(f"/experiments/nobody{path}"), 404, "declared: gru-or-lstm, later")
    assert_problem(await client.get("/ui/experiments/nobody"), 404, "declared: gru-or-lstm, later")


@pytest.mark.parametrize(
    "path", ["/experiments/later/report", "/experiments/later/disagreements", "/ui/experiments/later"]
)
async def test_an_experiment_that_has_not_begun_has_nothing_to_show(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "has not begun: it is stopped")


async def test_a_report_is_json_markdown_or_a_page(client: httpx.AsyncClient) -> None:
    found = await client.get("/experiments/gru-or-lstm/report")
    assert found.headers["content-type"] == "application/json"
    report = found.json()
    assert (report["experiment"], report["phase"], report["recommendation"]["state"]) == (
        "gru-or-lstm",
        1,
        "insufficient",
    )
    markdown = await client.get("/experiments/gru-or-lstm/report", params={"format": "md"})
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.text.startswith("# Too few labels")
    page = await client.get("/ui/experiments/gru-or-lstm")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "gru-or-lstm" in page.text
    korean = await client.get("/ui/experiments/gru-or-lstm", params={"phase": 1, "lang": "ko"})
    assert '<html lang="ko">' in korean.text
    assert "라벨이 아직 너무 적어" in korean.text
    assert 'href="?phase=1&amp;lang=en"' in korean.text


async def test_the_page_of_all_experiments_leads_to_their_reports(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ui/experiments")).text
    assert '<a href="/ui/experiments/gru-or-lstm">gru-or-lstm</a>' in page
    assert "gru/2, challenger (lstm/1)" in page
    assert '<span class="badge stopped">stopped</span>' in page


@pytest.mark.parametrize(
    ("path", "query", "status", "part"),
    [
        ("report", {"format": "pdf"}, 422, "format"),
        ("report", {"phase": "0"}, 422, "phase"),
        ("report", {"phase": "2"}, 404, "no phase of this number"),
        ("disagreements", {"limit": "0"}, 422, "limit"),
        ("disagreements", {"limit": "1001"}, 422, "limit"),
        ("disagreements", {"limit": "many"}, 422, "limit"),
    ],
)
async def test_a_wrong_query_gets_a_problem(
    client: httpx.AsyncClient, path: str, query: dict[str, str], status: int, part: str
) -> None:
    answer = await client.get(f"/experiments/gru-or-lstm/{path}", params=query)
    assert_problem(answer, status, part)
    assert "pdf" not in answer.text
    assert "many" not in answer.text


async def test_the_queue_holds_what_people_should_label_next(client: httpx.AsyncClient) -> None:
    queue = await queued(client, 11)
    assert (queue.experiment, queue.phase) == ("gru-or-lstm", 1)
    first = queue.items[0]
    assert (first.text, first.audit) == ("좋아요", True)
    assert [answer.arm for answer in first.answers] == ["gru", "challenger"]
    for answer, model in zip(first.answers, ("gru", "lstm"), strict=True):
        alone = (await client.post("/predict", json={"text": "좋아요", "model": model})).json()
        assert answer.label == alone["label"]
        assert answer.score == pytest.approx(alone["score"], abs=2e-6)
    short = await client.get("/experiments/gru-or-lstm/disagreements", params={"limit": 2})
    assert [item["text"] for item in short.json()["items"]] == ["좋아요", "최고"]


async def test_what_is_labelled_leaves_the_queue_and_what_is_forgotten_too(client: httpx.AsyncClient) -> None:
    queue = await queued(client, 11)
    body = {"prediction_id": queue.items[0].prediction_id, "label": "positive", "source": "audit"}
    assert (await client.post("/feedback", json=body)).status_code == 202
    await queued(client, 10)
    forgotten = await client.delete("/clients", headers=ME)
    assert forgotten.json() == {"predictions": 10}
    assert [item.text for item in (await queued(client, 1)).items] == [REVIEW]
    again = await client.delete("/clients", headers=ME)
    assert again.json() == {"predictions": 0}


@pytest.mark.parametrize("headers", [{}, {"X-Client-Key": ""}])
async def test_whose_data_is_deleted_must_be_said(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert_problem(await client.delete("/clients", headers=headers), 422, "client-key")


async def test_without_a_file_there_are_no_experiments_and_no_store(store: Path, tmp_path: Path) -> None:
    settings = Settings(model_store=store, store=f"sqlite:///{tmp_path / 'state' / 'nunchi.db'}")
    async with running(settings) as app, client_of(app) as client:
        listed: dict[str, Any] = (await client.get("/experiments")).json()
        assert listed == {"broken": None, "experiments": []}
        assert_problem(await client.get("/experiments/a/report"), 404, "declared: none")
    assert not (tmp_path / "state").exists()
