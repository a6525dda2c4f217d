from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from model_store.layout import DEFAULT_STORE, FUSED_GRAPH, VersionRef, verify
from service.engines.onnx import OnnxEngine, OnnxRuntime
from service.engines.unpadded import without_padding
from tests.protobuf import chunk, number

SHIPPED = ("rnn", "lstm", "gru", "bigru", "chatbot")
TOLD_BY_PADDING = {"Sign", "Cast", "Unsqueeze", "Max", "Min", "Div", "Add", "Mul", "ReduceSum"}
NUMBERS: dict[str, NDArray[Any]] = {
    "first": np.array([0], np.int64),
    "second": np.array([1], np.int64),
    "one": np.array([1], np.float32),
    "two": np.array([2], np.float32),
    "handicap": np.array([[-5], [0], [0]], np.float32),
    "numbers": np.array([[-5], [0], [3]], np.float32),
}


def _graph(*nodes: NodeProto) -> bytes:
    """Build a graph whose last operator gives the probabilities, from the ids time-major, `steps`, and NUMBERS."""
    steps = helper.make_node("Transpose", ["ids"], ["steps"], perm=[1, 0])
    nodes[-1].output[0] = "probabilities"
    graph = helper.make_graph(
        [steps, *nodes],
        "small",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "length"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in NUMBERS.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _operators(raw: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(raw).graph.node]


def _run(raw: bytes, ids: Sequence[int]) -> NDArray[np.float32]:
    from onnxruntime import InferenceSession

    session = InferenceSession(raw, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"ids": np.array([ids], np.int32)})[0])


@pytest.fixture(scope="module", params=SHIPPED)
def engine(request: pytest.FixtureRequest) -> OnnxEngine:
    return OnnxRuntime().open(verify(DEFAULT_STORE, VersionRef(request.param, 1)))


def test_a_text_alone_gets_the_scores_that_the_graph_as_it_is_stored_gives(engine: OnnxEngine) -> None:
    source = np.random.default_rng(3)
    for length in (1, 2, 7, 30, 200):
        row = source.integers(1, 9_000, length).tolist()
        stored = engine._few.run(["probabilities"], {"ids": np.array([row], np.int32)})[0]
        assert engine._one is not engine._few
        assert engine.score([row]) == pytest.approx(stored, abs=1e-6)
        assert engine.score([[*row, 0, 0, 0]]) == pytest.approx(stored, abs=1e-6)


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_left_of_what_tells_padding_from_ids(name: str) -> None:
    raw = verify(DEFAULT_STORE, VersionRef(name, 1)).path.joinpath(FUSED_GRAPH).read_bytes()
    simpler = onnx.load_from_string(without_padding(raw).raw)
    onnx.checker.check_model(simpler, full_check=True)
    assert TOLD_BY_PADDING.isdisjoint(node.op_type for node in simpler.graph.node)
    assert [len(node.input) for node in simpler.graph.node if node.op_type in {"RNN", "LSTM", "GRU"}] == [4]


def test_the_table_of_vectors_lies_in_memory_once(engine: OnnxEngine) -> None:
    [table] = engine._shared.values()
    row = [[3, 5, 7]]
    few, one = [[*row[0], 0]], row
    before = engine.score(few), engine.score(one)
    table.numpy()[:] = 0
    assert not np.array_equal(engine.score(few), before[0])
    assert not np.array_equal(engine.score(one), before[1])


def test_padding_changes_what_only_holds_without_it() -> None:
    raw = _graph(
        helper.make_node("Gather", ["handicap", "steps"], ["zeros"]),
        helper.make_node("Gather", ["numbers", "steps"], ["values"]),
        helper.make_node("Add", ["values", "zeros"], ["sum"]),
        helper.make_node("Identity", ["sum"], ["same"]),
    )
    simpler = without_padding(raw).raw
    assert _operators(simpler) == ["Transpose", "Gather", "Identity"]
    assert np.array_equal(_run(simpler, [1, 2]), _run(raw, [1, 2]))
    assert not np.array_equal(_run(simpler, [1, 2, 0]), _run(raw, [1, 2, 0]))


COUNT = (
    helper.make_node("Sign", ["steps"], ["ones"]),
    helper.make_node("ReduceSum", ["ones", "first"], ["lengths"], keepdims=0),
    helper.make_node("Cast", ["lengths"], ["count"], to=TensorProto.FLOAT),
    helper.make_node("Gather", ["numbers", "steps"], ["values"]),
)


@pytest.mark.parametrize(
    "last",
    [
        [helper.make_node("Max", ["count", "two"], ["x"])],
        [helper.make_node("Min", ["count", "two"], ["least"]), helper.make_node("Mul", ["values", "least"], ["x"])],
        [helper.make_node("Mul", ["values", "count"], ["x"])],
        [
            helper.make_node("ReduceSum", ["values", "second"], ["sum"]),
            helper.make_node("Div", ["sum", "count"], ["x"]),
        ],
        [helper.make_node("Gather", ["numbers", "steps"], ["n"]), helper.make_node("Add", ["values", "n"], ["x"])],
    ],
    ids=["another-least", "another-most", "times-the-count", "sum-over-another-axis", "no-handicap"],
)
def test_what_only_looks_like_it_is_left_as_it_is(last: list[NodeProto]) -> None:
    raw = _graph(*COUNT, *last)
    for ids in ([1], [2, 1], [2, 2, 2]):
        assert np.array_equal(_run(without_padding(raw).raw, ids), _run(raw, ids))
    assert [each.op_type for each in last] == _operators(without_padding(raw).raw)[-len(last) :]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        number(7, 5),
        chunk(7, b"\xff"),
        chunk(7, b"") * 2,
        chunk(7, chunk(1, chunk(4, "Sign")), chunk(12, chunk(1, "probabilities"))),
        chunk(7, chunk(5, chunk(8, "x"), number(2, 1), number(9, 1)), chunk(12, chunk(1, "p"))),
        chunk(7, chunk(5, chunk(8, "x"), number(1, 3), number(2, 1), chunk(9, b"1234")), chunk(12, chunk(1, "p"))),
    ],
    ids=["empty", "number", "damaged", "two", "no-output", "data-is-a-number", "shape"],
)
def test_what_training_never_writes_is_left_to_onnx_runtime(raw: bytes) -> None:
    assert without_padding(raw).raw is raw


def test_a_graph_in_which_nothing_gets_simpler_is_left_as_it_is() -> None:
    raw = _graph(helper.make_node("Gather", ["numbers", "steps"], ["x"]))
    assert without_padding(raw).raw is raw
    assert not without_padding(raw).constants
