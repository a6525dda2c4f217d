"""Explanations by the service with the TensorFlow engine, whose answers come from elsewhere than what is replayed."""

import shutil
from pathlib import Path

import httpx
import pytest

from tests.system.server import serving

pytestmark = [pytest.mark.system, pytest.mark.tensorflow]

REVIEW = "앞부분은 지루했는데 마지막 십 분 때문에 한 번 더 보고 싶어졌다"


def test_what_tensorflow_answers_is_explained_by_the_fused_graph(shipped_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "models"
    shutil.copytree(shipped_store / "gru", store / "gru")
    with serving(store, NUNCHI_ENGINE="tensorflow", NUNCHI_WORKERS="1") as server:
        assert [each["engine"] for each in httpx.get(f"{server.url}/models").json()["models"]] == ["tensorflow"]
        predicted = httpx.post(f"{server.url}/predict", json={"text": REVIEW}).raise_for_status().json()
        explained = httpx.post(f"{server.url}/explain", json={"text": REVIEW}, timeout=60).raise_for_status().json()
    [model] = explained["models"]
    assert (model["answer"], model["scores"]) == (predicted["label"], pytest.approx(predicted["scores"], abs=2e-6))
    assert model["replay_difference"] < 1e-5
    assert model["trajectory"][-1] == pytest.approx(model["scores"][explained["label"]], abs=1e-5)
