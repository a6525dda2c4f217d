"""Every way in which the service takes versions into its memory asks for the signature."""

import asyncio
import io
import os
import shutil
from pathlib import Path

import pytest

from model_store.layout import VersionRef, verify
from service.app import create_app
from service.bulk.run import find_version
from service.checking import check_models
from service.errors import StartError
from service.security.signatures import make_key, read_key, sign
from service.security.trust import trust_of
from service.settings import Settings
from tests.service.conftest import client_of, running

GRU_1, LSTM_1 = VersionRef("gru", 1), VersionRef("lstm", 1)


@pytest.fixture
def settings(store: Path, tmp_path: Path) -> Settings:
    """A store in which gru/1 alone is signed, and the settings that ask for it."""
    for ref in (GRU_1, LSTM_1):
        shutil.copytree(store / ref.name / "1", tmp_path / "store" / ref.name / "1")
    (tmp_path / "trusted.pem").write_text(make_key(tmp_path / "signing.pem"), encoding="utf-8")
    sign(verify(tmp_path / "store", GRU_1), read_key(tmp_path / "signing.pem"))
    return Settings(model_store=tmp_path / "store", trusted_keys_file=tmp_path / "trusted.pem")


def test_without_the_setting_nobody_has_to_have_signed(store: Path) -> None:
    assert trust_of(Settings(model_store=store)) is None


@pytest.mark.anyio
async def test_the_service_serves_what_is_signed_and_says_why_not_the_rest(settings: Settings) -> None:
    async with running(settings) as app, client_of(app) as client:
        models = {item["model"]: item for item in (await client.get("/models")).json()["models"]}
        metrics = (await client.get("/metrics")).text
    assert models["gru"]["state"] == "ready"
    assert models["lstm"]["state"] == "refused"
    assert models["lstm"]["reason"] == "it is not signed: assets.extra/manifest.sig is missing"
    assert 'sentiment_model_refused{model="lstm",version="1"} 1' in metrics


@pytest.mark.anyio
async def test_a_version_is_served_once_it_is_signed(settings: Settings) -> None:
    async with running(settings) as app, client_of(app) as client:
        sign(verify(settings.model_store, LSTM_1), read_key(settings.model_store.parent / "signing.pem"))
        for _ in range(600):
            answer = await client.post("/predict", json={"text": "좋아요", "model": "lstm"})
            if answer.status_code == 200:
                return
            await asyncio.sleep(0.05)
    pytest.fail("it was not tried again")


def test_the_check_of_the_store_asks_for_the_signature(settings: Settings) -> None:
    out = io.StringIO()
    assert check_models(settings, out) == 1
    verdicts = {line.split()[0]: line for line in out.getvalue().splitlines()}
    assert verdicts["gru/1"].endswith("good")
    assert "refused: it is not signed" in verdicts["lstm/1"]


def test_scoring_a_file_asks_for_the_signature(settings: Settings) -> None:
    assert find_version(settings, "gru", None).ref == GRU_1
    with pytest.raises(StartError, match="it is not signed"):
        find_version(settings, "lstm", None)


def test_keys_that_are_not_there_stop_the_start(settings: Settings) -> None:
    assert settings.trusted_keys_file is not None
    os.unlink(settings.trusted_keys_file)
    with pytest.raises(StartError, match="the trusted keys"):
        create_app(settings)
