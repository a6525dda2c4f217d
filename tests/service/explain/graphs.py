"""Fused graphs with random weights, put together as `training.lowering` does, so that tests need no TensorFlow."""

from typing import Any

import numpy as np
from onnx import TensorProto

from service.explain.graph import Array, Graph, read_graph
from training import graph as training_graph

VOCABULARY, FEATURES, UNITS = 20, 4, 5
_PARTS = {"RNN": 1, "LSTM": 4, "GRU": 3}


def network(
    operator: str = "GRU", *, direction: str = "forward", layers: int = 1, labels: int = 2, **settings: Any
) -> bytes:
    """Return the file of a recurrent model; `settings` are those of the recurrent operators."""
    graph = _RandomGraph()
    (graph.steps,) = graph.add("Transpose", graph.value, perm=[1, 0])
    graph.add("Sign", graph.steps)
    (graph.lengths,) = graph.add("ReduceSum", graph.value, graph.whole(0), keepdims=0)
    graph.add("Gather", graph.weights(VOCABULARY, FEATURES), graph.steps)
    features = FEATURES
    for _ in range(layers):
        features = _layer(graph, operator, features, {"direction": direction, **settings})
    _mean_and_max(graph)
    graph.add("Gemm", graph.value, graph.weights(2 * features, 6), graph.weights(6))
    graph.add("Relu", graph.value)
    graph.add("Gemm", graph.value, graph.weights(6, labels), graph.weights(labels))
    graph.add("Softmax", graph.value, axis=1)
    return bytes(graph.to_model("tiny", labels).SerializeToString())


def exact(graph: bytes) -> Graph:
    """Return a graph whose numbers have sixteen digits, so that differences of its results mean something."""
    read = read_graph(graph)
    constants = {
        name: values.astype(np.float64) if values.dtype == np.float32 else values
        for name, values in read.constants.items()
    }
    return Graph(read.nodes, constants)


def onnx_scores(graph: bytes, ids: list[int]) -> Array:
    """Return what ONNX Runtime makes of one text."""
    from onnxruntime import InferenceSession

    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    [scores] = session.run(["probabilities"], {"ids": np.array([ids], dtype=np.int32)})
    found: Array = scores[0]
    return found


class _RandomGraph(training_graph.Graph):
    def __init__(self) -> None:
        super().__init__()
        self._random = np.random.default_rng(0)

    def weights(self, *shape: int) -> str:
        return self.constant(self._random.normal(0, 0.6, shape).astype(np.float32))


def _layer(graph: _RandomGraph, operator: str, features: int, settings: dict[str, Any]) -> int:
    """Append a recurrent operator that gives all states; return their size."""
    directions, rows = 1 + (settings["direction"] == "bidirectional"), _PARTS[operator] * UNITS
    shapes = ((directions, rows, features), (directions, rows, UNITS), (directions, 2 * rows))
    weights = [graph.weights(*shape) for shape in shapes]
    graph.add(operator, graph.value, *weights, graph.lengths, outputs=2, hidden_size=UNITS, **settings)
    graph.add("Transpose", graph.value, perm=[0, 2, 1, 3])
    graph.add("Reshape", graph.value, graph.whole(0, 0, directions * UNITS))
    return int(directions * UNITS)


def _mean_and_max(graph: _RandomGraph) -> None:
    states = graph.value
    (total,) = graph.add("ReduceSum", states, graph.whole(0), keepdims=0)
    graph.add("Cast", graph.lengths, to=TensorProto.FLOAT)
    (count,) = graph.add("Unsqueeze", graph.value, graph.whole(1))
    (mean,) = graph.add("Div", total, count)
    (highest,) = graph.add("ReduceMax", states, axes=[0], keepdims=0)
    graph.add("Concat", mean, highest, axis=-1)
