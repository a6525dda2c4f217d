from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model_store.errors import OperatorError
from model_store.layout import DEFAULT_STORE, FUSED_BATCH_GRAPH, FUSED_GRAPH, list_versions
from model_store.operators.fused_graph import check_fused_graph
from tests.protobuf import chunk, number
from tests.versions import Shape, gru_graph

Change = Callable[[onnx.ModelProto], object]


def graph() -> onnx.ModelProto:
    return gru_graph(20, Shape())


def test_every_shipped_graph_is_taken() -> None:
    checked = 0
    for ref in list_versions(DEFAULT_STORE):
        for name in (FUSED_GRAPH, FUSED_BATCH_GRAPH):
            path = DEFAULT_STORE / ref.name / str(ref.version) / name
            if path.exists():
                check_fused_graph(path.read_bytes(), name)
                checked += 1
    assert checked >= 7


def _node(*arguments: object, **attributes: object) -> Change:
    return lambda model: model.graph.node.append(helper.make_node(*arguments, **attributes))


def _subgraph(operator: str, domain: str = "") -> Change:
    """Hide an operator in the body of a loop that stands in the body of another."""
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    for _ in range(2):
        body = helper.make_graph([node], "body", [], [])
        node = helper.make_node("Scan", ["ids"], ["out"], body=body, num_scan_inputs=1)
    return lambda model: model.graph.node.append(node)


def _elsewhere(path: str) -> Change:
    """Let the weights lie in another file."""

    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=path)

    return change


def _constant_elsewhere(model: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "x")
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.append(helper.make_node("Identity", ["ids"], ["x"], value=tensor))


def _function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("", "Gemm", ["x"], ["y"], [node], [helper.make_opsetid("", 17)]))


def _training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def _sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


HOSTILE: dict[str, Change] = {
    "the operator 'If' is not on the list": _node("If", ["ids"], ["x"]),
    "the operator 'ReadFile' is not on the list": _node("ReadFile", ["ids"], ["x"]),
    "the operators of 'com.evil' are not ONNX's own": _node("Gemm", ["ids"], ["x"], domain="com.evil"),
    "the operators of 'com.microsoft' are not ONNX's own": _subgraph("Gemm", "com.microsoft"),
    "the operator 'Loop' is not on the list": _subgraph("Loop"),
    "the operators of 'ai.onnx.ml' are not ONNX's own": lambda model: model.opset_import.add(domain="ai.onnx.ml"),
    "a tensor with data in another file": _elsewhere("../../../../../etc/passwd"),
    "a tensor with data in another file,": _constant_elsewhere,
    "a model with functions of its own": _function,
    "a model with what it does in training": _training,
    "a graph with sparse tensors": _sparse,
}


@pytest.mark.parametrize("reason", HOSTILE)
def test_what_does_more_than_arithmetic_is_refused_by_name(reason: str) -> None:
    model = graph()
    HOSTILE[reason](model)
    with pytest.raises(OperatorError, match=reason):
        check_fused_graph(model.SerializeToString(), "model.onnx")


def test_the_same_graph_without_the_change_is_taken() -> None:
    check_fused_graph(graph().SerializeToString(), "model.onnx")


def test_an_operator_that_is_named_twice_is_refused_for_either_name() -> None:
    for names in (("Relu", "ReadFile"), ("ReadFile", "Relu")):
        node = chunk(1, *(chunk(4, name) for name in names))
        with pytest.raises(OperatorError, match="ReadFile"):
            check_fused_graph(chunk(7, node), "model.onnx")


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(OperatorError, match="a graph with field 99"):
        check_fused_graph(chunk(7, number(99, 1)), "model.onnx")


def test_bodies_within_bodies_come_to_an_end() -> None:
    raw = b""
    for _ in range(2_000):
        raw = chunk(1, chunk(5, chunk(6, raw)))
    with pytest.raises(OperatorError, match="levels within one another"):
        check_fused_graph(chunk(7, raw), "model.onnx")


@pytest.mark.parametrize("end", [1, 100, -1])
def test_what_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(OperatorError, match="damaged"):
        check_fused_graph(graph().SerializeToString()[:end], "model.onnx")


def test_a_name_as_long_as_a_book_does_not_become_a_reason() -> None:
    with pytest.raises(OperatorError) as raised:
        check_fused_graph(chunk(7, chunk(1, chunk(4, "A" * 1_000_000))), "model.onnx")
    assert len(str(raised.value)) < 200
