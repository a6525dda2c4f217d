import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training import choice
from training.config import TrainingConfig

COMMAND = [sys.executable, "-m", "training", "train"]
WHOLE = TrainingConfig()
SMALL = ["--vocabulary=70", "--length=16", "--embedding=8", "--units=8", "--batch-size=16", "--head-dropout=0.3"]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A process in which nothing was chosen or imported yet, on a machine without a GPU; its directory for runs."""
    monkeypatch.setenv("KERAS_BACKEND", "")  # so that it is as before afterwards, whatever is chosen
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(choice, "NVIDIA", tmp_path / "no driver")
    return tmp_path / "run"


def test_a_new_run_is_begun_on_jax_and_goes_on_there(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice.choose_backend(free, WHOLE)
    assert os.environ["KERAS_BACKEND"] == "jax"

    (free / "checkpoint.npz").touch()
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(choice, "NVIDIA", free)  # the GPU that came in the meantime changes nothing
    choice.choose_backend(free, WHOLE)
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_with_a_gpu_or_without_jax_tensorflow_trains(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free.mkdir()
    monkeypatch.setattr(choice, "NVIDIA", free)
    choice.choose_backend(free / "1", WHOLE)
    assert os.environ.pop("KERAS_BACKEND") == "tensorflow"

    monkeypatch.setattr(choice, "NVIDIA", free / "none")
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    choice.choose_backend(free / "2", WHOLE)
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_a_run_that_was_begun_before_there_was_a_choice_goes_on_on_tensorflow(free: Path) -> None:
    free.mkdir()
    (free / "checkpoint.npz").touch()

    choice.choose_backend(free, WHOLE)

    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_a_run_that_is_over_before_it_is_compiled_is_not_compiled(free: Path, table: Path) -> None:
    short = (
        TrainingConfig(rows=20_000, epochs=3),
        TrainingConfig(dataset=str(table)),
        TrainingConfig(dataset="nowhere"),
    )
    for number, config in enumerate(short):
        choice.choose_backend(free / str(number), config)
        assert os.environ.pop("KERAS_BACKEND") == "tensorflow"


def test_further_texts_count(free: Path, tmp_path: Path) -> None:
    further = tmp_path / "further.tsv"
    further.write_bytes(b" " * 80 * 51_000)
    choice.choose_backend(free, TrainingConfig(rows=1_000, extra=str(further)))
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_what_somebody_chose_is_kept(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    choice.choose_backend(free, WHOLE)
    assert os.environ["KERAS_BACKEND"] == "torch"
    assert not free.exists()

    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setitem(sys.modules, "keras", choice)
    choice.choose_backend(free, WHOLE)
    assert "KERAS_BACKEND" not in os.environ


@pytest.mark.tensorflow
def test_on_jax_as_well_a_seed_gives_the_same_weights_and_a_resumed_run_those_of_a_whole_one(
    table: Path, tmp_path: Path
) -> None:
    """Resuming is made of a run of fewer epochs, whose schedule is the same since the learning rate is constant."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

    def train(run: str, epochs: int, *flags: str) -> None:
        given = ["--dataset", str(table), "--run", str(tmp_path / run), "--epochs", str(epochs), *SMALL, *flags]
        subprocess.run([*COMMAND, *given], env=environment, check=True, capture_output=True, timeout=300)

    train("whole", 3)
    train("again", 3)
    train("cut", 1)
    settings = tmp_path / "cut" / "config.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("epochs = 1", "epochs = 3"), encoding="utf-8")
    train("cut", 3, "--resume")

    whole, again, cut = (dict(np.load(tmp_path / run / "checkpoint.npz")) for run in ("whole", "again", "cut"))
    weights = [name for name in whole if name != "epochs"]
    assert all(np.array_equal(whole[name], again[name]) for name in weights)
    assert all(np.array_equal(whole[name], cut[name]) for name in weights)
