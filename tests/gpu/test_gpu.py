"""`make gpu-check`: trains a little on a GPU, serves from it, and compares its answers with the CPU's."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.system.server import Server, serving
from tests.training.conftest import reviews

pytestmark = pytest.mark.gpu

PARITY = 1e-4
VARIANTS = ("rnn", "lstm", "gru", "stacked_bigru")
TEXTS = [text for text, _ in reviews()]


@pytest.fixture(scope="module", autouse=True)
def _gpu() -> None:
    import tensorflow as tf

    assert tf.config.list_physical_devices("GPU"), "TensorFlow sees no GPU on this machine; run `make gpu-check` on one"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of models trained on the GPU, each by the command line, as a user would."""
    directory = tmp_path_factory.mktemp("gpu")
    table = directory / "reviews.csv"
    table.write_text("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in reviews()), encoding="utf-8")
    small = ["--vocabulary", "70", "--epochs", "3", "--batch-size", "16", "--pooling", "mean_max"]
    for variant in VARIANTS:
        run = str(directory / variant)
        _training("train", "--dataset", str(table), "--variant", variant, "--run", run, *small)
        _training("publish", "--run", run, "--name", variant, "--store", str(directory / "store"))
    return directory / "store"


def _training(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "training", *arguments], check=True)


def _scores(server: Server, model: str, texts: Sequence[str]) -> np.ndarray[Any, Any]:
    answer = httpx.post(f"{server.url}/predict/batch", json={"texts": texts, "model": model}, timeout=60)
    answer.raise_for_status()
    return np.array([list(item["scores"].values()) for item in answer.json()["predictions"]])


def test_the_gpu_answers_as_the_cpu_does(store: Path, tmp_path: Path) -> None:
    with serving(store, tmp_path / "cpu.log", NUNCHI_ENGINE="onnx") as server:
        expected = {variant: _scores(server, variant, TEXTS) for variant in VARIANTS}
    with serving(store, tmp_path / "gpu.log", NUNCHI_ENGINE="tensorflow", NUNCHI_DEVICE="gpu") as server:
        models = httpx.get(f"{server.url}/models").json()["models"]
        found = {variant: _scores(server, variant, TEXTS) for variant in VARIANTS}

    assert {model["device"] for model in models} == {"gpu"}
    for variant in VARIANTS:
        difference = np.abs(found[variant] - expected[variant]).max()
        print(f"{variant}: largest difference {difference:.1e}")
        assert difference <= PARITY
