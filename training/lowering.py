"""Keras layers -> one ONNX graph with fused recurrent operators, built from the layers' weights.

Keras exports a recurrent layer as a loop of small operations; ONNX has one operator for a whole layer, which ONNX
Runtime runs fifty times faster for short texts. Operators, gate orders and equations: ONNX operator specification,
version 17, `RNN`, `LSTM`, `GRU`. States are kept time-major (steps, batch, features), as those operators want them.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import onnx
from numpy.typing import NDArray

from model_store.encoder import PADDING_ID
from training.graph import Graph
from training.layers import Attention, Complement, Flipped, PadOrCut, Pooling
from training.lowering_pooling import attention, pooling

ACTIVATIONS: dict[str, tuple[str, tuple[float, float] | None]] = {
    "tanh": ("Tanh", None),
    "sigmoid": ("Sigmoid", None),
    "relu": ("Relu", None),
    "softsign": ("Softsign", None),
    "softplus": ("Softplus", None),
    "linear": ("Affine", (1.0, 0.0)),
    "hard_sigmoid": ("HardSigmoid", (1 / 6, 0.5)),
}
"""Keras activation -> ONNX activation for the fused operators, with alpha and beta where it takes them."""


Handlers = Mapping[type, Callable[[Any, Any], None]]
"""What appends a layer to a graph, by the class of the layer."""


class NotCoveredError(Exception):
    """The model holds something that this lowering has no fused operator for."""


def lower(model: keras.Model) -> onnx.ModelProto:
    """Return the fused graph of a model from `training.variants.build`.

    Returns:
        A graph with the input `ids` int32 (batch, length) and the output `probabilities` float32 (batch, labels).

    Raises:
        NotCoveredError: if a layer or one of its settings has no counterpart; with the reason.
    """
    return lower_with(model, Graph(), _HANDLERS)


def lower_with(model: keras.Model, graph: Graph, handlers: Handlers) -> onnx.ModelProto:
    """Return the graph that `handlers`, one for each kind of layer, append to an empty one.

    Raises:
        NotCoveredError: as `lower`.
    """
    for layer in model.layers:
        handler = handlers.get(type(layer))
        if handler is None:
            raise NotCoveredError(f"no fused operator for the layer {type(layer).__name__}")
        handler(graph, layer)
    proto = graph.to_model(model.name, model.output_shape[-1])
    onnx.checker.check_model(proto, full_check=True)
    return proto


def nothing(_graph: Graph, _layer: keras.layers.Layer) -> None:
    """Leave out what does nothing when scoring, or what the fused operators do by themselves."""


def _pad_or_cut(graph: Graph, layer: PadOrCut) -> None:
    graph.add("Pad", graph.value, graph.whole(0, 0, 0, layer.length))
    graph.add("Slice", graph.value, graph.whole(0), graph.whole(layer.length), graph.whole(1))


def _embedding(graph: Graph, layer: keras.layers.Embedding) -> None:
    table = np.array(layer.embeddings)
    if not layer.mask_zero:
        graph.add("Gather", graph.constant(table), graph.value)
        return
    (graph.steps,) = graph.add("Transpose", graph.value, perm=[1, 0])  # ids (steps, batch)
    graph.add("Sign", graph.steps)  # 1 for an id, 0 for padding
    (graph.lengths,) = graph.add("ReduceSum", graph.value, graph.whole(0), keepdims=0)  # (batch,)
    graph.ids = len(table)
    # The bag adds up whatever is looked up, and no recurrent operator looks at padding: its vector may as well be zero.
    table[PADDING_ID] = 0.0
    graph.add("Gather", graph.constant(table), graph.steps)  # (steps, batch, embedding)


def _recurrent(graph: Graph, layer: keras.layers.Layer) -> None:
    _fused(graph, [layer], "reverse" if layer.go_backwards else "forward", states=layer.return_sequences)


def _bidirectional(graph: Graph, layer: keras.layers.Bidirectional) -> None:
    if layer.merge_mode != "concat":
        raise NotCoveredError(f"no fused operator for directions merged by {layer.merge_mode!r}")
    cells = [layer.forward_layer, layer.backward_layer]
    _fused(graph, cells, "bidirectional", states=layer.forward_layer.return_sequences)


def _fused(graph: Graph, layers: list[keras.layers.Layer], direction: str, *, states: bool) -> None:
    """Append one fused operator for a layer, or for the two directions of one."""
    cell = _CELLS[type(layers[0])]
    activations = [_activation(getattr(each, name)) for each in layers for name in cell.activations]
    arrays = [np.stack(parts) for parts in zip(*(weights(each, cell.gates) for each in layers), strict=True)]
    inputs = [graph.value, *map(graph.constant, arrays), graph.lengths]
    attributes: dict[str, Any] = {"linear_before_reset": int(layers[0].reset_after)} if cell.operator == "GRU" else {}
    if numbers := [given for _, given in activations if given]:
        # ONNX Runtime takes the next of these for each activation that has any, and none for the others.
        attributes |= {
            "activation_alpha": [alpha for alpha, _ in numbers],
            "activation_beta": [beta for _, beta in numbers],
        }
    every, last = graph.add(
        cell.operator,
        *inputs,
        outputs=2,
        direction=direction,
        hidden_size=layers[0].units,
        activations=[name for name, _ in activations],
        **attributes,
    )
    if len(layers) == 1:
        graph.add("Squeeze", every if states else last, graph.whole(1 if states else 0))
        return
    features = len(layers) * layers[0].units
    if states:
        graph.add("Transpose", every, perm=[0, 2, 1, 3])  # (steps, batch, directions, units)
        graph.add("Reshape", graph.value, graph.whole(0, 0, features))
    else:
        graph.add("Transpose", last, perm=[1, 0, 2])  # (batch, directions, units)
        graph.add("Reshape", graph.value, graph.whole(0, features))


def _activation(function: Any) -> tuple[str, tuple[float, float] | None]:
    name = keras.activations.serialize(function)
    if name not in ACTIVATIONS:
        raise NotCoveredError(f"no fused operator for the activation {name!r}")
    return ACTIVATIONS[name]


def _gates(matrix: NDArray[np.float32], order: tuple[int, ...]) -> NDArray[np.float32]:
    """Reorder the gates of Keras weights (rows, gates * units) and return (gates * units, rows)."""
    parts = np.split(matrix, len(order), axis=-1)
    return np.concatenate([parts[gate] for gate in order], axis=-1).T


def weights(layer: keras.layers.Layer, order: tuple[int, ...]) -> tuple[NDArray[np.float32], ...]:
    """Return the weights of one direction as ONNX wants them: W, R and B = [input bias, recurrent bias]."""
    kernel, recurrent = np.asarray(layer.cell.kernel), np.asarray(layer.cell.recurrent_kernel)
    bias = np.zeros((2, kernel.shape[1]), dtype=np.float32)
    if layer.use_bias:
        given = np.atleast_2d(np.asarray(layer.cell.bias))
        bias[: len(given)] = given
    both = np.concatenate([_gates(row[None], order)[:, 0] for row in bias])
    return _gates(kernel, order), _gates(recurrent, order), both


class _Cell(NamedTuple):
    """The fused operator of a Keras layer, the order of its gates in Keras' weights, and its activations' names."""

    operator: str
    gates: tuple[int, ...]
    activations: tuple[str, ...]


_CELLS: dict[type, _Cell] = {
    keras.layers.SimpleRNN: _Cell("RNN", (0,), ("activation",)),
    # Keras i, f, c, o -> ONNX i, o, f, c
    keras.layers.LSTM: _Cell("LSTM", (0, 3, 1, 2), ("recurrent_activation", "activation", "activation")),
    keras.layers.GRU: _Cell("GRU", (0, 1, 2), ("recurrent_activation", "activation")),
}


def _flatten(graph: Graph, layer: keras.layers.Flatten) -> None:
    graph.add("Reshape", graph.value, graph.whole(-1, layer.output.shape[-1]))


def dense(graph: Graph, layer: keras.layers.Dense) -> None:
    """Append a Dense layer."""
    operators = {"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax", "linear": "Identity"}
    name = keras.activations.serialize(layer.activation)
    if name not in operators:
        raise NotCoveredError(f"no fused operator for a Dense layer with {name!r}")
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    if name == "sigmoid" and layer.units == 1:
        # Complement follows, and 1 - sigmoid(z) is sigmoid(-z): one product gives both.
        kernel, bias = np.concatenate([-kernel, kernel], axis=1), np.concatenate([-bias, bias])
    graph.add("Gemm", graph.value, graph.constant(kernel), graph.constant(bias))
    graph.add(operators[name], graph.value)


_HANDLERS: Handlers = {
    keras.layers.InputLayer: nothing,
    keras.layers.Dropout: nothing,
    keras.layers.SpatialDropout1D: nothing,
    Flipped: nothing,  # the operator for a reversed direction gives its states in the order of the text
    PadOrCut: _pad_or_cut,
    keras.layers.Embedding: _embedding,
    keras.layers.SimpleRNN: _recurrent,
    keras.layers.LSTM: _recurrent,
    keras.layers.GRU: _recurrent,
    keras.layers.Bidirectional: _bidirectional,
    Pooling: pooling,
    Attention: attention,
    keras.layers.Flatten: _flatten,
    keras.layers.Dense: dense,
    Complement: nothing,  # done with the product before it
}
"""What each layer of `training.variants` becomes."""
