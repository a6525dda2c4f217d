"""Keras layers -> a second ONNX graph of the same model, for many rows at once.

The fused operator of `training.lowering` wins for a few rows. For many, going through the steps in a `Scan` takes half
its time (a GRU), a quarter of it (a SimpleRNN) or three quarters (an LSTM): what the cell makes of each id's vector is
looked up in tables instead of being multiplied anew for every token (half of all multiplications), activations run
vectorised, and pooling needs no array of all states. The tables are products of constants: ONNX Runtime makes them when
it loads the graph, so the file stays as small as the other.
"""

import keras
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from model_store.layout import FROM_ROWS
from training.graph import Graph
from training.layers import FAR_BELOW, Complement, Pooling
from training.lowering import Handlers, NotCoveredError, dense, lower_with, nothing, weights

_ALWAYS = 1e3
"""Before the sigmoid of a gate: it is open. The negative closes it."""

_LSTM_ROWS = 32
"""With fewer, the fused LSTM is faster; the other cells follow what the service does with any graph, 16 rows."""

_Step = tuple[tuple[str, tuple[str, ...], tuple[str, ...], dict[str, int]], ...]
"""Operators on a batch, each with its inputs, outputs and attributes: states h and c (batch, units), next h and c."""

_GRU: _Step = (
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
)

_KEEP: _Step = (
    # the new state for an id, the old one for padding: one is times 1, the other times 0
    ("Mul", ("h_new", "present"), ("counted",), {}),
    ("Sub", ("one", "present"), ("absent",), {}),
    ("Mul", ("h", "absent"), ("kept",), {}),
    ("Add", ("counted", "kept"), ("h_next",), {}),
)

_LSTM: _Step = (
    # c' = f c + i g and h' = o tanh(c'), with i, f, o = sigmoid(x_ifo + h R_ifo), g = tanh(x_g + h R_g)
    ("Gather", ("table", "id"), ("x",), {}),
    ("Gemm", ("h", "recurrent", "x"), ("sum",), {}),
    ("Split", ("sum",), ("sum_i", "sum_f", "sum_o", "sum_g"), {"axis": 1}),
    ("Sigmoid", ("sum_i",), ("i",), {}),
    ("Sigmoid", ("sum_f",), ("f",), {}),
    ("Sigmoid", ("sum_o",), ("o",), {}),
    ("Tanh", ("sum_g",), ("g",), {}),
    ("Mul", ("f", "c"), ("remembered",), {}),
    ("Mul", ("i", "g"), ("written",), {}),
    ("Add", ("remembered", "written"), ("c_next",), {}),
    ("Tanh", ("c_next",), ("shown",), {}),
    ("Mul", ("o", "shown"), ("h_new",), {}),
    *_KEEP,
)

_RNN: _Step = (
    # h' = tanh(x + h R)
    ("Gather", ("table", "id"), ("x",), {}),
    ("Gemm", ("h", "recurrent", "x"), ("sum",), {}),
    ("Tanh", ("sum",), ("h_new",), {}),
    *_KEEP,
)

_POOL: _Step = (
    ("Add", ("total", "counted"), ("total_next",), {}),
    ("Max", ("highest", "h_next"), ("highest_next",), {}),
)
"""The end of every step: the sum and the maximum of the states so far."""


class Stepping(Graph):
    """A graph that goes through the steps of a text.

    Attributes:
        present: the name of what is 1 for an id and 0 for padding, float32 (steps, batch, 1).
        count: of the number of ids of each row, float32 (batch, 1).
        total: of the sum of the states of each row (batch, units).
        highest: of their maximum.
        rows: from how many on the graph is to be used; 0 where it does not say so.
    """

    present = count = total = highest = ""
    rows = 0


def lower_for_many(model: keras.Model) -> onnx.ModelProto:
    """Return the graph for many rows of a model from `training.variants.build`: one forward GRU, LSTM or SimpleRNN.

    Returns:
        A graph with the input and the output of `training.lowering.lower`; its metadata may say, by the name
        `model_store.layout.FROM_ROWS`, from how many rows on it is the faster one.

    Raises:
        NotCoveredError: if it is another model.
    """
    graph = Stepping()
    proto = lower_with(model, graph, _HANDLERS)
    if graph.rows:
        helper.set_model_props(proto, {FROM_ROWS: str(graph.rows)})
    return proto


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
    _check(graph, layer, recurrent_activation="sigmoid", activation="tanh", reset_after=True)
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
    _scan(graph, _GRU, names, units)


def _lstm(graph: Stepping, layer: keras.layers.LSTM) -> None:
    _check(graph, layer, recurrent_activation="sigmoid", activation="tanh")
    # For padding, i is closed and f open: c stays what it was.
    padding = np.repeat(np.array([-_ALWAYS, _ALWAYS, 0, 0], dtype=np.float32), layer.units)
    graph.rows = _LSTM_ROWS
    names = _one_product(graph, layer, (0, 1, 3, 2), padding)  # Keras i, f, c, o -> i, f, o, g
    _scan(graph, _LSTM, names, layer.units, "c")


def _rnn(graph: Stepping, layer: keras.layers.SimpleRNN) -> None:
    _check(graph, layer, activation="tanh")
    names = _one_product(graph, layer, (0,), np.zeros(layer.units, np.float32))
    _scan(graph, _RNN, names, layer.units)


def _one_product(
    graph: Stepping, layer: keras.layers.Layer, order: tuple[int, ...], padding: NDArray[np.float32]
) -> dict[str, str]:
    """Append what the steps of a cell need whose gates are all multiplied at once."""
    kernel, recurrent, bias = weights(layer, order)
    of_input, of_state = np.split(bias, 2)
    return {
        "table": _table(graph, graph.value, kernel, of_input + of_state, padding),
        "recurrent": graph.constant(recurrent.T),
        "one": graph.number(1.0),
    }


def _check(graph: Stepping, layer: keras.layers.Layer, **usual: str | bool) -> None:
    found = {name: getattr(layer, name) for name in usual}
    found |= {name: keras.activations.serialize(each) for name, each in found.items() if callable(each)}
    if graph.total or found != usual or layer.go_backwards:
        raise NotCoveredError("only one forward layer with the usual settings is gone through in steps")


def _scan(graph: Stepping, step: _Step, names: dict[str, str], units: int, *cells: str) -> None:
    """Append the steps; `cells` are the states beside h, all of which begin with zero."""
    (zero,) = graph.add("Mul", graph.count, graph.constant(np.zeros((1, units), np.float32)))
    (lowest,) = graph.add("Add", zero, graph.number(-FAR_BELOW))
    states = ("h", "total", "highest", *cells)
    begin = (zero, zero, lowest, *(zero for _ in cells))
    body = _step((*step, *_POOL), names, states, units)
    graph.value, graph.total, graph.highest, *_ = graph.add(
        "Scan", *begin, graph.steps, graph.present, outputs=len(states), body=body, num_scan_inputs=2
    )


def _table(
    graph: Graph, vectors: str, kernel: NDArray[np.float32], bias: NDArray[np.float32], padding: NDArray[np.float32]
) -> str:
    """Append what a kernel makes of each id's vector, `padding` for that of padding (ids, features)."""
    graph.add("MatMul", vectors, graph.constant(kernel.T))
    graph.add("Add", graph.value, graph.constant(bias))
    return graph.add("Concat", graph.constant(padding[None]), graph.value, axis=0)[0]


def _step(step: _Step, names: dict[str, str], states: tuple[str, ...], units: int) -> onnx.GraphProto:
    def value(name: str, *shape: str | int, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    return helper.make_graph(
        [
            helper.make_node(operator, [names.get(name, name) for name in inputs], outputs, **attributes)
            for operator, inputs, outputs, attributes in step
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
    keras.layers.SimpleRNN: _rnn,
    keras.layers.LSTM: _lstm,
    keras.layers.GRU: _gru,
    Pooling: _pooling,
    keras.layers.Dense: dense,
    Complement: nothing,
}
