import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.errors import OperatorError
from model_store.layout import SAVED_MODEL, StoredVersion, verify
from model_store.operators import saved_model
from service.engines import Rows
from service.engines.choice import EngineChoice
from service.engines.onnx import OnnxRuntime
from service.engines.tensorflow import BATCHES, TensorFlowEngine, TensorFlowRuntime, length_buckets
from service.errors import EngineError, StartError
from tests.savedmodels import publish_saved_model
from tests.versions import Shape, manifest_of

if TYPE_CHECKING:
    import tensorflow as tf

ROOT = Path(__file__).parents[3]
ROWS = [[2 + (place * step) % 40 for step in range(1 + place % 60)] for place in range(70)]


def test_lengths_are_a_closed_set_that_ends_with_what_the_model_sees() -> None:
    assert length_buckets(256) == [16, 32, 64, 128, 256]
    assert length_buckets(200) == [16, 32, 64, 128, 200]
    assert length_buckets(10) == [10]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredVersion:
    store = tmp_path_factory.mktemp("saved")
    return verify(store, publish_saved_model(store))


@pytest.fixture(scope="module")
def runtime() -> TensorFlowRuntime:
    return TensorFlowRuntime("cpu", threads=2)


@pytest.mark.tensorflow
@pytest.mark.usefixtures("runtime")
def test_its_thread_gets_the_interpreter_soon_although_the_event_loop_is_never_idle() -> None:
    assert sys.getswitchinterval() == pytest.approx(2e-4)


@pytest.fixture(scope="module")
def engine(runtime: TensorFlowRuntime, stored: StoredVersion) -> TensorFlowEngine:
    return runtime.open(stored)


@pytest.mark.tensorflow
def test_it_gives_what_the_fused_graph_gives(engine: TensorFlowEngine, stored: StoredVersion) -> None:
    assert engine.score(ROWS) == pytest.approx(OnnxRuntime().open(stored).score(ROWS), abs=1e-5)


@pytest.mark.tensorflow
def test_a_row_scores_the_same_alone_beside_others_and_with_padding(engine: TensorFlowEngine) -> None:
    together = engine.score(ROWS)
    for place in (0, 1, 7, 33, 69):
        row = ROWS[place]
        assert engine.score([row])[0] == pytest.approx(together[place], abs=1e-6)
        assert engine.score([[*row, 0, 0, 0]])[0] == pytest.approx(together[place], abs=1e-6)


@pytest.mark.tensorflow
def test_nothing_is_traced_once_it_is_ready(engine: TensorFlowEngine) -> None:
    before = engine.traces
    lengths = length_buckets(64)
    assert before == sum(length <= size.longest for size in BATCHES["cpu"] for length in lengths)
    for size in (1, 2, 9, 64, 65, 200):
        for length in (1, 16, 17, 64):
            assert engine.score([[3] * length] * size).shape == (size, 2)
    assert engine.traces == before


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("rows", "length", "calls"),
    [
        (1, 16, [1]),
        (2, 16, [16]),
        (32, 16, [16, 16]),
        (33, 32, [64]),
        (65, 32, [64, 1]),
        (66, 32, [64, 16]),
        (64, 33, [16] * 4),
    ],
)
def test_many_short_rows_are_one_call(
    engine: TensorFlowEngine, monkeypatch: pytest.MonkeyPatch, rows: int, length: int, calls: list[int]
) -> None:
    made: list[int] = []
    call = engine._call

    def noted(some: Rows, size: int, padded: int) -> NDArray[np.float32]:
        made.append(size)
        return call(some, size, padded)

    monkeypatch.setattr(engine, "_call", noted)
    assert engine.score([[3] * length] * rows).shape == (rows, 2)
    assert made == calls


@pytest.mark.tensorflow
def test_a_new_shape_would_have_been_seen_by_the_count_of_traces(engine: TensorFlowEngine) -> None:
    before = engine.traces
    engine._function(engine._tf.ones((3, 5), engine._tf.int32))
    assert engine.traces == before + 1


@pytest.mark.tensorflow
def test_a_row_of_nothing_is_no_nan(engine: TensorFlowEngine) -> None:
    assert np.isfinite(engine.score([[], [0, 0]])).all()


@pytest.mark.tensorflow
def test_auto_takes_tensorflow_for_a_version_without_a_fused_graph(tmp_path: Path) -> None:
    ref = publish_saved_model(tmp_path, "ann", reason="this layer is not covered")
    engine = EngineChoice("auto", "cpu", 2).open(verify(tmp_path, ref))
    assert (engine.name, engine.device) == ("tensorflow", "cpu")
    assert engine.score([[3, 4]]).shape == (1, 2)


@pytest.mark.tensorflow
def test_what_is_no_saved_model_is_refused_in_words(runtime: TensorFlowRuntime, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(OperatorError, match=r"saved_model\.pb is damaged"):
        runtime.open(StoredVersion(tmp_path, manifest_of("gru", 10, Shape()), "digest"))


@pytest.mark.tensorflow
def test_a_model_without_its_weights_is_refused_in_words(
    runtime: TensorFlowRuntime, stored: StoredVersion, tmp_path: Path
) -> None:
    shutil.copy(stored.path / SAVED_MODEL, tmp_path)
    with pytest.raises(EngineError, match="TensorFlow cannot load it"):
        runtime.open(StoredVersion(tmp_path, stored.manifest, "digest"))


def _reads(ids: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.strings.length(tf.io.read_file("/etc/passwd"))


def _writes(ids: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    tf.io.write_file("/tmp/nunchi-was-here", "written by a model")
    return tf.constant(0)


def _runs_python(ids: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.py_function(lambda: 0, [], tf.int32)


def _writes_in_a_loop(ids: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.while_loop(lambda i: i < 1, lambda i: (i + 1 + _writes(ids),), (tf.constant(0),))[0]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("hostile", "operator"),
    [(_reads, "ReadFile"), (_writes, "WriteFile"), (_runs_python, "EagerPyFunc"), (_writes_in_a_loop, "WriteFile")],
)
def test_a_model_that_does_more_than_arithmetic_is_never_loaded(
    runtime: TensorFlowRuntime, tmp_path: Path, hostile: "Callable[[tf.Tensor], tf.Tensor]", operator: str
) -> None:
    import tensorflow as tf

    def probabilities(ids: "tf.Tensor") -> "dict[str, tf.Tensor]":
        return {"probabilities": tf.zeros((1, 2)) + tf.cast(hostile(ids), tf.float32)}

    module = tf.Module()
    module.serve = tf.function(probabilities, input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")])
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.serve})
    with pytest.raises(OperatorError, match=f"uses the operator '{operator}'"):
        runtime.open(StoredVersion(tmp_path, manifest_of("gru", 10, Shape(max_tokens=16)), "digest"))


@pytest.mark.tensorflow
def test_a_signature_of_other_types_is_refused(runtime: TensorFlowRuntime, tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda ids: {"probabilities": tf.cast(ids, tf.float64)},
        input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")],
    )
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.serve})
    with pytest.raises(EngineError, match="takes int32 and gives float64"):
        runtime.open(StoredVersion(tmp_path, manifest_of("gru", 10, Shape()), "digest"))


@pytest.mark.tensorflow
def test_what_xla_cannot_compile_is_run_without_it(
    runtime: TensorFlowRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    also = {"AsString", "StringLength", "Greater", "Mean"}
    monkeypatch.setattr(saved_model, "OPERATORS", saved_model.OPERATORS | also)

    def probabilities(ids: "tf.Tensor") -> dict[str, "tf.Tensor"]:
        known = tf.strings.length(tf.strings.as_string(ids)) > 0  # strings do not exist in XLA
        share = tf.reduce_mean(tf.cast(known, tf.float32), axis=1, keepdims=True)
        return {"probabilities": tf.concat([1 - share, share], axis=1)}

    module = tf.Module()
    module.serve = tf.function(probabilities, input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")])
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.serve})
    engine = runtime.open(StoredVersion(tmp_path, manifest_of("gru", 10, Shape(max_tokens=16)), "digest"))
    assert engine.score([[5, 6]]) == pytest.approx(np.array([[0, 1]]))


@pytest.mark.tensorflow
def test_a_gpu_that_is_not_there_stops_the_start() -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(StartError, match="NUNCHI_DEVICE=gpu, but TensorFlow finds no GPU"):
        TensorFlowRuntime("gpu", threads=1)


def test_nothing_else_in_the_service_imports_tensorflow() -> None:
    code = "import sys, service.server, service.checking; print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
