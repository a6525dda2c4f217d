import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from model_store.encoder import RESERVED_IDS
from model_store.errors import OperatorError
from model_store.layout import FROM_ROWS, FUSED_BATCH_GRAPH, FUSED_GRAPH, StoredVersion, VersionRef, staging, verify
from service.engines.onnx import OnnxEngine, OnnxRuntime
from service.errors import EngineError
from tests.protobuf import chunk
from tests.versions import CHARACTERS, Shape, gru_graph, manifest_of, publish_staged, publish_version

ROWS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14], [15, 16]]


@pytest.fixture(scope="module")
def engine(store: Path) -> OnnxEngine:
    return OnnxRuntime().open(verify(store, VersionRef("gru", 1)))


def test_it_gives_a_probability_for_every_label_of_every_row(engine: OnnxEngine) -> None:
    probabilities = engine.score(ROWS)
    assert probabilities.shape == (4, 2)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)


def test_a_row_scores_the_same_alone_beside_others_and_with_padding(engine: OnnxEngine) -> None:
    together = engine.score(ROWS)
    for row, expected in zip(ROWS, together, strict=True):
        assert engine.score([row])[0] == pytest.approx(expected, abs=1e-6)
        assert engine.score([[*row, *[0] * 20]])[0] == pytest.approx(expected, abs=1e-6)


def test_a_row_of_nothing_is_no_nan(engine: OnnxEngine) -> None:
    assert np.isfinite(engine.score([[]])).all()
    assert np.isfinite(engine.score([[0, 0], [1, 0]])).all()


def test_several_threads_may_score_at_once(engine: OnnxEngine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    expected = engine.score(ROWS)
    with ThreadPoolExecutor(4) as pool:
        for scored in pool.map(engine.score, [ROWS] * 40):
            assert np.array_equal(scored, expected)


def _with_second_graph(store: Path, shape: Shape, **said: str) -> VersionRef:
    """Publish a version whose graph for many rows has the weights of `shape`, the other those of seed 0.

    Args:
        store: the store to publish in.
        shape: of the graph for many rows.
        said: its metadata.
    """
    graph = gru_graph(len(set(CHARACTERS)) + RESERVED_IDS, shape)
    helper.set_model_props(graph, said)
    with staging(store) as staged:
        (staged / FUSED_BATCH_GRAPH).write_bytes(graph.SerializeToString())
        return publish_staged(staged, store, "gru", Shape())


def test_many_rows_go_through_the_second_graph_and_few_through_the_first(tmp_path: Path) -> None:
    ref = _with_second_graph(tmp_path, Shape(seed=1))
    publish_version(tmp_path, "other", Shape(seed=1))
    engine = OnnxRuntime().open(verify(tmp_path, ref))
    first = OnnxRuntime().open(verify(tmp_path, publish_version(tmp_path, "one")))
    second = OnnxRuntime().open(verify(tmp_path, VersionRef("other", 1)))
    assert np.array_equal(engine.score(ROWS), first.score(ROWS))
    assert np.array_equal(engine.score(ROWS * 4), second.score(ROWS * 4))


@pytest.mark.parametrize(("said", "rows"), [({}, 16), ({FROM_ROWS: "9"}, 9), ({FROM_ROWS: "soon"}, 16)])
def test_the_second_graph_may_say_from_how_many_rows_on_it_is_faster(
    tmp_path: Path, said: dict[str, str], rows: int
) -> None:
    engine = OnnxRuntime().open(verify(tmp_path, _with_second_graph(tmp_path, Shape(seed=1), **said)))
    first = OnnxRuntime().open(verify(tmp_path, publish_version(tmp_path, "one")))
    second = OnnxRuntime().open(verify(tmp_path, publish_version(tmp_path, "other", Shape(seed=1))))
    few, many = [[5, 6, 7]] * (rows - 1), [[5, 6, 7]] * rows
    assert np.array_equal(engine.score(few), first.score(few))
    assert np.array_equal(engine.score(many), second.score(many))
    assert engine.call_tokens(rows - 1, 30) < engine.call_tokens(rows, 30)


def test_padding_is_worth_more_where_every_step_of_a_call_costs(tmp_path: Path, engine: OnnxEngine) -> None:
    stepping = OnnxRuntime().open(verify(tmp_path, _with_second_graph(tmp_path, Shape())))
    assert stepping.call_tokens(rows=200, length=30) == 30 * engine.call_tokens(rows=200, length=30)
    assert stepping.call_tokens(rows=2, length=30) == engine.call_tokens(rows=2, length=30)


def test_a_graph_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / FUSED_GRAPH
    path.parent.mkdir()
    path.write_bytes(b"not a graph")
    with pytest.raises(OperatorError, match=r"model\.onnx is damaged"):
        OnnxRuntime().open(StoredVersion(tmp_path, manifest_of("gru", 10, Shape()), "digest"))


def test_a_graph_that_onnx_runtime_does_not_take_is_refused_in_words(tmp_path: Path) -> None:
    graph = gru_graph(20, Shape())
    graph.graph.node[0].input[0] = "nobody's"
    path = tmp_path / "model.onnx"
    path.write_bytes(graph.SerializeToString())
    with pytest.raises(EngineError, match=r"ONNX Runtime refuses model\.onnx"):
        OnnxEngine(path, None, threads=1)


@pytest.mark.parametrize("second", [False, True])
def test_a_graph_that_does_more_than_arithmetic_is_not_loaded(tmp_path: Path, second: bool) -> None:
    good, hostile = tmp_path / "model.onnx", tmp_path / "model_batch.onnx"
    graph = gru_graph(20, Shape())
    good.write_bytes(graph.SerializeToString())
    graph.graph.node.append(helper.make_node("Gemm", ["ids"], ["x"], domain="com.evil"))
    hostile.write_bytes(graph.SerializeToString())
    with pytest.raises(OperatorError, match=r"com\.evil"):
        OnnxEngine(good if second else hostile, hostile if second else None, threads=1)


def test_bytes_that_could_also_be_of_another_format_are_read_as_the_one_that_was_checked(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    # A producer whose name puts ONNX Runtime's mark of its own format where that format has it.
    path.write_bytes(chunk(2, b"..ORTM") + gru_graph(20, Shape()).SerializeToString())
    assert path.read_bytes()[4:8] == b"ORTM"
    assert OnnxEngine(path, None, threads=1).score([[2, 3]]).shape == (1, 2)


def test_a_version_without_a_fused_graph_is_refused_with_the_reason(tmp_path: Path) -> None:
    manifest = manifest_of("ann", 10, Shape(), fused_reason="Flatten is not covered")
    with pytest.raises(EngineError, match="Flatten is not covered"):
        OnnxRuntime().open(StoredVersion(tmp_path, manifest, "digest"))


def test_more_threads_give_the_same_probabilities(tmp_path: Path, engine: OnnxEngine, store: Path) -> None:
    again = OnnxRuntime(threads=2).open(verify(store, VersionRef("gru", 1)))
    assert again.score(ROWS) == pytest.approx(engine.score(ROWS), abs=1e-6)


def test_three_labels_give_three_probabilities(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(gru_graph(20, Shape(labels=("a", "b", "c"))).SerializeToString())
    assert OnnxEngine(path, None, threads=1).score([[2, 3]]).shape == (1, 3)


def test_the_runtime_keeps_nothing_about_this_machine_and_reports_nothing(store: Path, tmp_path: Path) -> None:
    graph = verify(store, VersionRef("gru", 1)).path / FUSED_GRAPH
    program = "import sys, pathlib, service.engines.onnx as e; e.OnnxEngine(pathlib.Path(sys.argv[1]), None, 1)"
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", program, str(graph)], env={**kept, "HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_the_file_is_not_kept_beside_what_was_made_of_it(engine: OnnxEngine) -> None:
    kept = [value for session in (engine._few, engine._many) for value in vars(session or engine).values()]
    assert not [value for value in kept if isinstance(value, bytes) and value]
