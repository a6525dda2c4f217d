"""What the layers that pool states become in a fused graph.

The states are time-major (steps, batch, features), and zero behind the end of a text: the recurrent operators leave
them so.
"""

import numpy as np
from onnx import TensorProto

from model_store.encoder import PADDING_ID
from training.graph import Graph
from training.layers import FAR_BELOW, Attention, Pooling


def pooling(graph: Graph, layer: Pooling) -> None:
    """Append sum, mean, maximum, or the two last side by side."""
    states = graph.value
    (total,) = graph.add("ReduceSum", states, graph.whole(0), keepdims=0)
    if layer.kind == "sum":
        return
    one = graph.number(1.0)
    graph.add("Cast", graph.lengths, to=TensorProto.FLOAT)
    (count,) = graph.add("Unsqueeze", graph.value, graph.whole(1))  # (batch, 1)
    (divisor,) = graph.add("Max", count, one)
    (mean,) = graph.add("Div", total, divisor)
    if layer.kind == "mean":
        return
    handicapped = _without_padding(graph, states)
    (highest,) = graph.add("ReduceMax", handicapped, axes=[0], keepdims=0)
    (any_step,) = graph.add("Min", count, one)
    (highest,) = graph.add("Mul", highest, any_step)
    if layer.kind == "mean_max":
        graph.add("Concat", mean, highest, axis=-1)


def attention(graph: Graph, layer: Attention) -> None:
    """Append the weighted sum; in a text without a step all weights are equal and all states zero."""
    states = graph.value
    graph.add("MatMul", states, graph.constant(np.asarray(layer.kernel)))
    graph.add("Add", graph.value, graph.constant(np.asarray(layer.bias)))
    graph.add("Tanh", graph.value)
    graph.add("MatMul", graph.value, graph.constant(np.asarray(layer.context)))  # (steps, batch, 1)
    (shares,) = graph.add("Softmax", _without_padding(graph, graph.value), axis=0)
    graph.add("Mul", states, shares)
    graph.add("ReduceSum", graph.value, graph.whole(0), keepdims=0)


def _without_padding(graph: Graph, values: str) -> str:
    """Append what puts values (steps, batch, any) of padding far below all others."""
    handicap = np.zeros((graph.ids, 1), dtype=np.float32)
    handicap[PADDING_ID] = -FAR_BELOW
    graph.add("Gather", graph.constant(handicap), graph.steps)  # (steps, batch, 1)
    return graph.add("Add", values, graph.value)[0]
