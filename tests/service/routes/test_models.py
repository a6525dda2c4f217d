import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from model_store.layout import VersionRef
from service.app import Application
from service.schemas import ModelList
from service.settings import Settings
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio


async def test_every_version_is_listed_with_what_serves_it(client: httpx.AsyncClient) -> None:
    listed = ModelList.model_validate_json((await client.get("/models")).content)
    assert listed.default == "gru"
    assert [(item.model, item.version, item.state) for item in listed.models] == [
        ("gru", 1, "ready"),
        ("gru", 2, "ready"),
        ("lstm", 1, "ready"),
    ]
    first = listed.models[0]
    assert (first.engine, first.device, first.reason) == ("onnx", "cpu", None)
    assert first.labels == ["negative", "positive"]
    assert first.digest is not None
    assert len(first.digest) == 64
    assert first.metrics == {"accuracy": 0.5}


async def test_a_refused_version_says_why_and_the_others_serve(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    (tmp_path / "gru" / "2" / "saved_model.pb").write_bytes(b"half of")
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        listed = (await client.get("/models")).json()["models"]
        assert [item["state"] for item in listed] == ["ready", "refused", "ready"]
        assert listed[1]["reason"] == "altered: saved_model.pb"
        answer = await client.post("/predict", json={"text": "좋아요"})
        assert answer.json()["version"] == 1
        assert (await client.get("/health/ready")).status_code == 200
        assert 'sentiment_model_refused{model="gru",version="2"} 1.0' in (await client.get("/metrics")).text


async def test_one_crooked_figure_never_hides_the_other_entries(
    fresh_app: Application, fresh_client: httpx.AsyncClient
) -> None:
    ref = VersionRef("gru", 1)
    entry = fresh_app.registry.entries[ref]
    assert entry.manifest is not None
    crooked = {"accuracy": "high", "f1": math.nan, "loss": 0.25}
    manifest = replace(entry.manifest, metrics=crooked)  # type: ignore[arg-type]
    fresh_app.registry.entries = {**fresh_app.registry.entries, ref: replace(entry, manifest=manifest)}
    answer = await fresh_client.get("/models")
    assert answer.status_code == 200
    assert [item["metrics"] for item in answer.json()["models"]] == [
        {"loss": 0.25},
        {"accuracy": 0.5},
        {"accuracy": 0.5},
    ]


async def test_a_file_whose_name_is_no_unicode_never_hides_the_other_entries(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    (tmp_path / "gru" / "1" / "saved_model.pb").rename(tmp_path / "gru" / "2" / os.fsdecode(b"\xff"))
    async with running(Settings(model_store=tmp_path)) as app, client_of(app) as client:
        answer = await client.get("/models")
    assert answer.status_code == 200
    assert answer.json()["models"][1]["reason"] == r"not in the manifest: \udcff"
