"""Keras layers -> a second ONNX graph of the same model, for many rows at once.

The fused operator of `training.lowering` wins for a few rows. For many, going through the steps in a `Scan` takes half
its time: what the GRU makes of each id's vector is looked up in tables instead of being multiplied anew for every token
(half of all multiplications), activations run vectorised, and pooling needs no array of all states. The tables are
products of constants: ONNX Runtime makes them when it loads the graph, so the file stays as small as the other.
"""

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from training.graph import Graph
from training.layers import FAR_BELOW, Complement, Pooling
from training.lowering import Handlers, NotCoveredError, dense, lower_with, nothing, weights

_ALWAYS = 1e3
"""Before the sigmoid of an update gate: the state stays what it was."""

_STEP: tuple[tuple[str, tuple[str, ...], tuple[str, ...], dict[str, int]], ...] = (
    # h' = z h + (1 - z) n, with z, r = sigmoid(x_zr + h R_zr), n = tanh(x_n + r (h R_n + b_n))
    ("Gather", ("table_zr", "id"), ("x_zr",), {}),
    ("Gather", ("table_n", "id"), ("x_n",), {}),
    ("MatMul", ("h", "recurrent_zr"), ("h_zr",), {}),
    ("Gemm", ("h", "recurrent_n", "bias_n"), ("h_n",), {}),
    ("Add", ("x_zr", "h_zr"), ("sum_zr",), {}),
    ("Sigmoid", ("sum_zr",), ("zr",), {}),
    ("Split", ("zr",), ("z", "r"), {"axis": 1}),
    ("Mul", ("r", "h_n"), ("reset_n",), {}),
    ("Add", ("reset_n", "x_n"), ("sum_n",), {}),
    ("Tanh", ("sum_n",), ("n",), {}),
    ("Sub", ("h", "n"), ("h_minus_n",), {}),
    ("Mul", ("z", "h_minus_n"), ("kept",), {}),
    ("Add", ("n", "kept"), ("h_next",), {}),
    ("Mul", ("h_next", "present"), ("counted",), {}),
    ("Add", ("total", "counted"), ("total_next",), {}),
    ("Max", ("highest", "h_next"), ("highest_next",), {}),
)
"""One step of a GRU: the operators on a batch, whose states are h (batch, units), their sum and their maximum."""


class Stepping(Graph):
    """A graph that goes through the steps of a text.

    Attributes:
        present: the name of what is 1 for an id and 0 for padding, float32 (steps, batch, 1).
        count: of the number of ids of each row, float32 (batch, 1).
        total: of the sum of the states of each row (batch, units).
        highest: of their maximum.
    """

    present = count = total = highest = ""


def lower_for_many(model: keras.Model) -> onnx.ModelProto:
    """Return the graph for many rows of a model from `training.variants.build`: one forward GRU layer.

    Returns:
        A graph with the input and the output of `training.lowering.lower`.

    Raises:
        NotCoveredError: if it is another model.
    """
    return lower_with(model, Stepping(), _HANDLERS)


def _embedding(graph: Stepping, layer: keras.layers.Embedding) -> None:
    if not layer.mask_zero:
        raise NotCoveredError("only texts without padding are gone through in steps")
    (graph.steps,) = graph.add("Transpose", graph.value, perm=[1, 0])  # ids (steps, batch)
    graph.add("Sign", graph.steps)
    graph.add("Cast", graph.value, to=TensorProto.FLOAT)
    (graph.present,) = graph.add("Unsqueeze", graph.value, graph.whole(2))
    (graph.count,) = graph.add("ReduceSum", graph.present, graph.whole(0), keepdims=0)
    graph.value = graph.constant(np.array(layer.embeddings)[1:])


def _gru(graph: Stepping, layer: keras.layers.GRU) -> None:
    settings = [keras.activations.serialize(each) for each in (layer.recurrent_activation, layer.activation)]
    if graph.total or settings != ["sigmoid", "tanh"] or not layer.reset_after or layer.go_backwards:
        raise NotCoveredError("only one GRU layer with the usual settings is gone through in steps")
    units, vectors = layer.units, graph.value
    kernel, recurrent, bias = weights(layer, (0, 1, 2))
    gates, candidate = slice(0, 2 * units), slice(2 * units, 3 * units)
    of_input, of_state = np.split(bias, 2)
    frozen = np.repeat(np.array([_ALWAYS, 0], dtype=np.float32), units)
    names = {
        "table_zr": _table(graph, vectors, kernel[gates], (of_input + of_state)[gates], frozen),
        "table_n": _table(graph, vectors, kernel[candidate], of_input[candidate], np.zeros(units, np.float32)),
        "recurrent_zr": graph.constant(recurrent[gates].T),
        "recurrent_n": graph.constant(recurrent[candidate].T),
        "bias_n": graph.constant(of_state[candidate]),
    }
    (zero,) = graph.add("Mul", graph.count, graph.constant(np.zeros((1, units), np.float32)))
    (lowest,) = graph.add("Add", zero, graph.number(-FAR_BELOW))
    graph.value, graph.total, graph.highest = graph.add(
        "Scan", zero, zero, lowest, graph.steps, graph.present, outputs=3, body=_step(names, units), num_scan_inputs=2
    )


def _table(
    graph: Graph, vectors: str, kernel: NDArray[np.float32], bias: NDArray[np.float32], padding: NDArray[np.float32]
) -> str:
    """Append what a kernel makes of each id's vector, `padding` for that of padding (ids, features)."""
    graph.add("MatMul", vectors, graph.constant(kernel.T))
    graph.add("Add", graph.value, graph.constant(bias))
    return graph.add("Concat", graph.constant(padding[None]), graph.value, axis=0)[0]


def _step(names: dict[str, str], units: int) -> onnx.GraphProto:
    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    states = ("h", "total", "highest")
    return helper.make_graph(
        [
            helper.make_node(operator, [names.get(name, name) for name in inputs], outputs, **attributes)
            for operator, inputs, outputs, attributes in _STEP
        ],
        "step",
        [
            *(value(name, "batch", units) for name in states),
            value("id", "batch", kind=TensorProto.INT32),
            value("present", "batch", 1),
        ],
        [value(f"{name}_next", "batch", units) for name in states],
    )


def _pooling(graph: Stepping, layer: Pooling) -> None:
    if not graph.total:
        raise NotCoveredError("only recurrent models are gone through in steps")
    one = graph.number(1.0)
    graph.add("Max", graph.count, one)
    (mean,) = graph.add("Div", graph.total, graph.value)
    if layer.kind == "mean":
        return
    graph.add("Min", graph.count, one)
    (highest,) = graph.add("Mul", graph.highest, graph.value)
    if layer.kind == "mean_max":
        graph.add("Concat", mean, highest, axis=-1)


_HANDLERS: Handlers = {
    keras.layers.InputLayer: nothing,
    keras.layers.Dropout: nothing,
    keras.layers.SpatialDropout1D: nothing,
    keras.layers.Embedding: _embedding,
    keras.layers.GRU: _gru,
    Pooling: _pooling,
    keras.layers.Dense: dense,
    Complement: nothing,
}
