import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.training.recurrence_on_jax"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def compared(said: dict[str, Any]) -> dict[str, dict[str, Any]]:
    layers: dict[str, dict[str, Any]] = said["layers"]
    return layers


def test_outputs_and_gradients_are_those_of_keras(compared: dict[str, dict[str, Any]]) -> None:
    assert len(compared) == 15
    assert {name: each["apart"] for name, each in compared.items() if not each["apart"] < 2e-5} == {}


def test_keras_keeps_its_own_loop_for_what_is_not_covered(compared: dict[str, dict[str, Any]]) -> None:
    assert {name for name, each in compared.items() if not each["covered"]} == {"gru", "lstm, recurrent dropout"}


def test_padding_after_the_longest_text_is_not_gone_through(compared: dict[str, dict[str, Any]]) -> None:
    assert {name for name, each in compared.items() if each["skips"] != each["covered"]} == set()


def test_batches_have_few_lengths_where_padding_is_not_gone_through(said: dict[str, Any]) -> None:
    names = ["rnn", "lstm"]
    names += [f"stacked_{name}" for name in names] + [f"bi{name}" for name in names]
    names += [f"stacked_bi{name}" for name in ("rnn", "lstm")]
    assert sorted(said["few"]) == sorted(names)


def test_on_tensorflow_batches_have_many_lengths() -> None:
    from training.config import TrainingConfig
    from training.rows import BOUNDARIES
    from training.variants import padded_lengths

    assert padded_lengths(TrainingConfig(variant="lstm")) == BOUNDARIES


def test_on_tensorflow_a_layer_stays_as_it_is() -> None:
    import keras

    from training.recurrence import quicken

    assert "inner_loop" not in vars(quicken(keras.layers.LSTM(3), "lstm"))
