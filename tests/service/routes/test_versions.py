import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.layout import VersionRef
from service.app import Application
from service.registry import State
from service.settings import Settings
from service.storage import Storage
from tests.service.conftest import client_of, running
from tests.service.routes.test_predictions import REVIEW
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.anyio


class Served:
    """A service with gru/1, gru/2 (the same weights), gru/3 (others) and lstm/1, and a client of it."""

    def __init__(self, app: Application, client: httpx.AsyncClient, store: Path) -> None:
        self.app = app
        self.client = client
        self.store = store

    async def post(self, path: str) -> httpx.Response:
        return await self.client.post(f"/models/{path}")

    async def point(self, alias: str, version: int, **more: Any) -> httpx.Response:
        return await self.client.put(f"/models/gru/aliases/{alias}", json={"version": version, **more})

    async def answered_by(self, **named: Any) -> int:
        answer = await self.client.post("/predict", json={"text": REVIEW, **named})
        assert answer.status_code == 200, answer.text
        version: int = answer.json()["version"]
        return version

    async def models(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get("/models")).json()
        return found

    def remove(self, version: int) -> None:
        shutil.rmtree(self.store / "gru" / str(version))

    def spoil(self, version: int) -> None:
        (self.store / "gru" / str(version) / "saved_model.pb").write_bytes(b"something else")


@asynccontextmanager
async def serving(directory: Path, **settings: Any) -> AsyncIterator[Served]:
    store = directory / "models"
    if not store.exists():
        for name, seed in (("gru", 1), ("gru", 1), ("gru", 3), ("lstm", 4)):
            publish_version(store, name, Shape(seed=seed))
    chosen = Settings(model_store=store, versions_file=directory / "state" / "versions.json", **settings)
    async with running(chosen) as app, client_of(app) as client:
        yield Served(app, client, store)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, alias_slowdown=1e6) as served:
        yield served


@pytest.fixture(scope="module")
async def unchanged(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The same, for tests that change nothing."""
    async with serving(tmp_path_factory.mktemp("unchanged")) as served:
        yield served


def problem(answer: httpx.Response, status: int, slug: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:nunchi:problem:{slug}"
    detail: str = answer.json()["detail"]
    return detail


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("that never came true")


async def test_a_version_is_loaded_and_unloaded_by_name(served: Served) -> None:
    assert await served.answered_by() == 3
    loaded = (await served.post("gru/1/load")).json()
    assert (loaded["model"], loaded["version"], loaded["state"], loaded["reason"]) == ("gru", 1, "ready", None)
    assert await served.answered_by(model="gru", version=1) == 1
    unloaded = (await served.post("gru/1/unload")).json()
    assert (unloaded["state"], unloaded["reason"]) == ("unloaded", "it was unloaded by an administrator")
    answer = await served.client.post("/predict", json={"text": REVIEW, "model": "gru", "version": 1})
    problem(answer, 404, "unknown-model")


async def test_both_may_be_said_twice(served: Served) -> None:
    for verb, state in (("load", "ready"), ("unload", "unloaded")):
        answers = [await served.post(f"gru/1/{verb}") for _ in range(2)]
        assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, state)] * 2


async def test_what_was_said_is_still_so_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert (await served.post("gru/1/load")).status_code == 200
        assert (await served.post("gru/2/unload")).status_code == 200
        assert (await served.point("stable", 1, force=True)).status_code == 200
    async with serving(tmp_path) as served:
        states = {
            item["version"]: item["state"] for item in (await served.models())["models"] if item["model"] == "gru"
        }
        assert states == {1: "ready", 2: "unloaded", 3: "ready"}
        assert await served.answered_by() == 1


async def test_a_version_that_is_loaded_by_the_policy_anyway_needs_no_order(served: Served) -> None:
    await served.post("gru/3/load")
    await served.post("gru/2/unload")
    await served.post("gru/2/load")
    await served.post("gru/1/load")
    orders = json.loads((served.store.parent / "state" / "versions.json").read_text(encoding="utf-8"))
    assert (orders["loaded"], orders["unloaded"]) == (["gru/1"], [])


@pytest.mark.parametrize("path", ["nobody/1/load", "gru/9/load", "gru/9/unload", "nobody/1/unload"])
async def test_what_is_not_there_is_404(unchanged: Served, path: str) -> None:
    detail = problem(await unchanged.post(path), 404, "unknown-model")
    assert "nobody" not in detail
    assert "served: gru/1, gru/2, gru/3, lstm/1" in detail


@pytest.mark.parametrize("version", ["0", "-1", "00001", "1.0", "x", "1234567890", "%20%31", "٣"])
async def test_what_is_no_number_of_a_version_is_422(unchanged: Served, version: str) -> None:
    problem(await unchanged.post(f"gru/{version}/load"), 422, "invalid-request")


async def test_a_version_that_cannot_be_served_says_why(served: Served) -> None:
    served.spoil(1)
    detail = problem(await served.post("gru/1/load"), 409, "version-refused")
    assert detail == "gru/1 cannot be served: altered: saved_model.pb"
    assert await served.answered_by() == 3


async def test_what_did_harm_once_is_proven_again_if_it_is_loaded_by_name(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        digest = next(item["digest"] for item in (await served.models())["models"] if item["version"] == 3)
    proofs = tmp_path / "state" / "proofs.json"
    known = json.loads(proofs.read_text(encoding="utf-8"))
    known["proven"][digest]["harm"] = "it crashed the process that proved it (SIGSEGV)"
    proofs.write_text(json.dumps(known), encoding="utf-8")
    async with serving(tmp_path) as served:
        assert served.app.registry.entries[VersionRef("gru", 3)].reason == (
            "it crashed the process that proved it (SIGSEGV), when it was proven last"
        )
        assert await served.answered_by() == 2
        assert (await served.post("gru/3/load")).json()["state"] == "ready"


@pytest.mark.parametrize("settings", [{}, {"versions": "latest(1)"}])
async def test_the_last_version_of_the_default_model_stays(tmp_path: Path, settings: dict[str, Any]) -> None:
    async with serving(tmp_path, **settings) as served:
        for version in (2, 1):
            await served.post(f"gru/{version}/unload")
        detail = problem(await served.post("gru/3/unload"), 409, "version-in-use")
        assert detail == "gru/3 stays: nothing else of the default model is ready"
        assert (await served.post("lstm/1/unload")).json()["state"] == "unloaded"


async def test_what_an_alias_points_to_stays(served: Served) -> None:
    await served.point("canary", 2)
    detail = problem(await served.post("gru/2/unload"), 409, "version-in-use")
    assert detail == "gru/2 stays: the alias canary points to it"


async def test_unloading_waits_for_what_the_version_took_on(served: Served) -> None:
    model = served.app.registry.get("gru", 2)
    with model.batcher.admit(1):
        unloading = asyncio.create_task(served.post("gru/2/unload"))
        await until(lambda: served.app.registry.entries[model.ref].state is State.DRAINING)
        assert not unloading.done()
    assert (await unloading).json()["state"] == "unloaded"


async def test_an_alias_is_made_moved_and_answers_wherever_a_version_may_be_named(served: Served) -> None:
    made = (await served.point("canary", 2)).json()
    assert {name: made[name] for name in ("model", "alias", "version", "answering", "previous", "report")} == {
        "model": "gru",
        "alias": "canary",
        "version": 2,
        "answering": 2,
        "previous": None,
        "report": None,
    }
    assert await served.answered_by(model="gru", version="canary") == 2
    moved = (await served.point("canary", 1)).json()
    assert (moved["version"], moved["previous"], moved["report"]["flips"], moved["report"]["texts"]) == (1, 2, 0, 4)
    batch = await served.client.post("/predict/batch", json={"texts": [REVIEW], "model": "gru", "version": "canary"})
    assert batch.json()["predictions"][0]["version"] == 1
    compared = await served.client.post("/compare", json={"text": REVIEW, "models": ["gru/canary", "gru/latest"]})
    assert [item["version"] for item in compared.json()["models"]] == [1, 3]


async def test_stable_answers_where_no_version_is_named(served: Served) -> None:
    assert await served.answered_by() == 3
    await served.point("stable", 1, force=True)
    assert await served.answered_by() == 1
    assert await served.answered_by(model="gru") == 1
    assert await served.answered_by(model="gru", version="latest") == 3
    assert (await served.client.post("/compare", json={"text": REVIEW})).json()["models"][0]["version"] == 1
    assert (await served.client.get("/health/ready")).status_code == 200


async def test_pointing_to_the_same_version_twice_is_one_step(served: Served) -> None:
    for _ in range(2):
        assert (await served.point("stable", 3)).json()["previous"] is None


async def test_an_alias_is_held_back_where_too_many_labels_change_and_moves_if_that_is_forced(tmp_path: Path) -> None:
    async with serving(tmp_path, alias_agreement=1, alias_slowdown=1e6) as served:
        await served.point("stable", 2, force=True)
        answer = await served.point("stable", 3)
        detail = problem(answer, 409, "alias-held")
        report = answer.json()["report"]
        assert detail.startswith(f"{report['flips']} of 4 texts get another label; 1 must get the same")
        assert report["agreement"] == 1 - report["flips"] / 4
        assert await served.answered_by() == 2
        forced = (await served.point("stable", 3, force=True)).json()
        assert (forced["version"], forced["report"]["flips"]) == (3, report["flips"])
        assert await served.answered_by() == 3


async def test_the_first_stable_is_tried_beside_what_answered_for_the_name(tmp_path: Path) -> None:
    async with serving(tmp_path, alias_agreement=1, alias_slowdown=1e6) as served:
        problem(await served.point("stable", 2), 409, "alias-held")


async def test_an_alias_is_held_back_where_the_new_version_is_too_slow(tmp_path: Path) -> None:
    async with serving(tmp_path, alias_slowdown=1e-6) as served:
        await served.point("canary", 2)
        answer = await served.point("canary", 1)
        assert "times as long" in problem(answer, 409, "alias-held")


async def test_an_alias_is_held_back_where_the_labels_are_others(served: Served) -> None:
    publish_version(served.store, "gru", Shape(labels=("bad", "good")))
    await served.point("stable", 3)
    detail = problem(await served.point("stable", 4), 409, "alias-held")
    assert detail.startswith("gru/4 has other labels than gru/3")
    assert (await served.point("stable", 4, force=True)).json()["report"] is None


async def test_texts_of_users_are_replayed_only_if_the_service_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def recent(_: Storage, limit: int) -> list[str]:
        return [REVIEW, "영화"][:limit]

    monkeypatch.setattr(Storage, "recent_texts", recent)
    for keeps, texts in ((False, 4), (True, 6)):
        async with serving(tmp_path, store_text=keeps, alias_slowdown=1e6) as served:
            await served.point("canary", 2)
            assert (await served.point("canary", 1)).json()["report"]["texts"] == texts
            await served.client.delete("/models/gru/aliases/canary")


async def test_an_alias_goes_back_and_back_again(served: Served) -> None:
    for version in (1, 2, 3):
        await served.point("stable", version, force=True)
    for version, previous in ((2, 1), (1, None)):
        answer = (await served.post("gru/aliases/stable/rollback")).json()
        assert (answer["version"], answer["previous"]) == (version, previous)
        assert await served.answered_by() == version
    detail = problem(await served.post("gru/aliases/stable/rollback"), 409, "alias-conflict")
    assert detail == "it never pointed to another version than 1"


async def test_asking_twice_goes_back_once_if_it_says_from_where(served: Served) -> None:
    for version in (1, 2, 3):
        await served.point("stable", version, force=True)
    assert (await served.post("gru/aliases/stable/rollback?from=3")).json()["version"] == 2
    detail = problem(await served.post("gru/aliases/stable/rollback?from=3"), 409, "alias-conflict")
    assert detail == "it points to version 2 by now"


async def test_going_back_loads_what_is_no_longer_loaded_and_tries_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, versions="latest(1)", alias_slowdown=1e6) as served:
        for version in (1, 3):
            await served.point("stable", version, force=True)
        await served.app.registry.unload(VersionRef("gru", 1))
        assert (await served.post("gru/aliases/stable/rollback")).json()["answering"] == 1


async def test_what_is_gone_cannot_be_gone_back_to(tmp_path: Path) -> None:
    async with serving(tmp_path, versions="latest(1)", alias_slowdown=1e6) as served:
        for version in (1, 3):
            await served.point("stable", version, force=True)
        await served.app.registry.unload(VersionRef("gru", 1))
        served.remove(1)
        problem(await served.post("gru/aliases/stable/rollback"), 409, "version-refused")
        assert await served.answered_by() == 3


async def test_an_alias_is_removed_and_the_name_is_answered_by_the_latest_again(served: Served) -> None:
    await served.point("canary", 2)
    await served.point("stable", 1, force=True)
    answer = await served.client.delete("/models/gru/aliases/stable")
    assert [alias["alias"] for alias in answer.json()["aliases"]] == ["canary"]
    assert await served.answered_by() == 3
    problem(await served.client.delete("/models/gru/aliases/stable"), 404, "unknown-alias")


async def test_an_alias_that_is_not_there_is_404(served: Served) -> None:
    await served.point("canary", 2)
    detail = problem(await served.post("gru/aliases/stable/rollback"), 404, "unknown-alias")
    assert detail == "the model has no such alias; it has: canary"
    problem(await served.post("nobody/aliases/stable/rollback"), 404, "unknown-model")
    problem(await served.client.delete("/models/nobody/aliases/stable"), 404, "unknown-model")
    answer = await served.client.post("/predict", json={"text": REVIEW, "model": "gru", "version": "stable"})
    problem(answer, 404, "unknown-model")


@pytest.mark.parametrize("alias", ["latest", "Stable", "1", "a" * 33, "a.b"])
async def test_what_no_alias_can_be_called_is_422(unchanged: Served, alias: str) -> None:
    problem(await unchanged.point(alias, 1), 422, "invalid-request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        b'{"version": 0}',
        b'{"version": "1"}',
        b'{"version": 1, "x": 1}',
        b'{"version": 1, "force": 1}',
    ],
)
async def test_a_body_that_is_not_what_is_documented_is_422(unchanged: Served, body: bytes) -> None:
    problem(await unchanged.client.put("/models/gru/aliases/canary", content=body), 422, "invalid-request")


async def test_an_alias_of_what_is_not_there_or_cannot_be_served_is_not_made(served: Served) -> None:
    problem(await served.point("canary", 9), 404, "unknown-model")
    served.spoil(1)
    problem(await served.point("canary", 1), 409, "version-refused")
    assert (await served.models())["aliases"] == []


async def test_while_the_file_cannot_be_used_nothing_changes_and_the_models_say_so(served: Served) -> None:
    await served.point("stable", 3)
    file = served.store.parent / "state" / "versions.json"
    whole = file.read_text(encoding="utf-8")
    file.write_text("{", encoding="utf-8")
    answer = await served.point("stable", 1, force=True)
    problem(answer, 503, "versions-file-unavailable")
    assert answer.headers["retry-after"] == "5"
    assert await served.answered_by() == 3
    for _ in range(300):
        if (await served.models())["broken"]:
            break
        await asyncio.sleep(0.1)
    assert "sentiment_versions_file_broken 1.0" in (await served.client.get("/metrics")).text
    file.write_text(whole, encoding="utf-8")
    assert (await served.point("stable", 1, force=True)).status_code == 200
    assert (await served.models())["broken"] is None


async def test_the_list_of_models_says_where_aliases_point(served: Served) -> None:
    await served.point("stable", 3)
    await served.point("canary", 2)
    found = await served.models()
    assert [(alias["alias"], alias["version"], alias["answering"]) for alias in found["aliases"]] == [
        ("canary", 2, 2),
        ("stable", 3, 3),
    ]
    assert (
        'sentiment_model_alias{alias="canary",model="gru",version="2"} 1.0'
        in (await served.client.get("/metrics")).text
    )
