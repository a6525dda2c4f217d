import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from model_store.layout import DEFAULT_STORE, FUSED_GRAPH
from service.explain.graph import NotCoveredError, read_graph
from tests.service.explain.graphs import network


def model(*nodes: onnx.NodeProto, constants: tuple[TensorProto, ...] = ()) -> bytes:
    graph = helper.make_graph(list(nodes), "graph", [], [], list(constants))
    return bytes(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "chatbot"])
def test_a_shipped_graph_is_read_as_the_package_of_onnx_reads_it(name: str) -> None:
    data = (DEFAULT_STORE / name / "1" / FUSED_GRAPH).read_bytes()
    expected = onnx.load_from_string(data).graph

    graph = read_graph(data)

    assert [node.operator for node in graph.nodes] == [node.op_type for node in expected.node]
    for node, other in zip(graph.nodes, expected.node, strict=True):
        assert (node.inputs, node.outputs) == (tuple(other.input), tuple(other.output))
        assert node.attributes == {each.name: _plain(helper.get_attribute_value(each)) for each in other.attribute}
    assert list(graph.constants) == [tensor.name for tensor in expected.initializer]
    for tensor in expected.initializer:
        np.testing.assert_array_equal(graph.constants[tensor.name], numpy_helper.to_array(tensor))


def _plain(value: object) -> object:
    """Return an attribute as we have it: texts are texts there, bytes here."""
    if isinstance(value, bytes):
        return value.decode()
    return [_plain(each) for each in value] if isinstance(value, list) else value


def test_every_kind_of_setting_is_read() -> None:
    settings = {"a": 0.5, "b": -3, "c": "word", "d": [0.25, -1.0], "e": [1, -1], "f": ["x", "y"]}

    [node] = read_graph(model(helper.make_node("Some", ["in", "", "other"], ["out"], **settings))).nodes

    assert node.attributes == settings
    assert node.inputs == ("in", "", "other")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be read: KeyError"),
        (b"no graph at all", "cannot be read: WireError"),
        (network()[:-200], "cannot be read: WireError"),
        (model(helper.make_node("If", [], [], then_branch=helper.make_graph([], "g", [], []))), "then_branch"),
        (model(constants=(helper.make_tensor("x", TensorProto.DOUBLE, [1], [1.0]),)), "of a type"),
        (model(constants=(helper.make_tensor("x", TensorProto.FLOAT, [1], [1.0]),)), "of a type"),
        (
            model(
                helper.make_node("Some", [], []),
                constants=(TensorProto(name="x", data_type=1, dims=[2], raw_data=b"1234"),),
            ),
            "more or fewer elements",
        ),
    ],
)
def test_what_is_no_fused_graph_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(NotCoveredError, match=reason):
        read_graph(data)
