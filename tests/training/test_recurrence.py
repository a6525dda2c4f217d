import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def compared() -> dict[str, dict[str, Any]]:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.training.recurrence_on_jax"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def test_outputs_and_gradients_are_those_of_keras(compared: dict[str, dict[str, Any]]) -> None:
    assert len(compared) == 15
    assert {name: each["apart"] for name, each in compared.items() if not each["apart"] < 2e-5} == {}


def test_keras_keeps_its_own_loop_for_what_is_not_covered(compared: dict[str, dict[str, Any]]) -> None:
    assert {name for name, each in compared.items() if not each["covered"]} == {"gru", "lstm, recurrent dropout"}


def test_on_tensorflow_a_layer_stays_as_it_is() -> None:
    import keras

    from training.recurrence import quicken

    assert "inner_loop" not in vars(quicken(keras.layers.LSTM(3)))
