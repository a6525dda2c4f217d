"""The plain operators of fused graphs, and the same backwards. Source: ONNX operator specification, version 17.

One entry of the table is one operator. Backwards: the gradient of one of its inputs, given that of its output.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.explain.activations import precise_sigmoid
from service.explain.graph import Array, Node

Inputs = Sequence[Array]


class Call(NamedTuple):
    """An operator that was run: itself, what it read, and what it gave."""

    node: Node
    inputs: Inputs
    output: Array


Forward = Callable[[Node, Inputs], Array]
Backward = Callable[[Call, Array, int], Array]
"""From a call and the gradient of its output to that of its input in this place."""


class Operator(NamedTuple):
    """How an operator is run, forwards and backwards, and which settings it may have.

    Attributes:
        forward: gives its output.
        backward: None if what it gives never depends on an embedding.
        settings: names of attributes that the two know.
    """

    forward: Forward
    backward: Backward | None = None
    settings: frozenset[str] = frozenset()


def _axes(array: Array) -> tuple[int, ...]:
    return tuple(int(axis) for axis in array)


def _reduced(node: Node, inputs: Inputs) -> tuple[int, ...]:
    return _axes(inputs[1]) if len(inputs) > 1 else tuple(node.attributes["axes"])


def _reduce_sum(node: Node, inputs: Inputs) -> Array:
    total: Array = inputs[0].sum(_reduced(node, inputs), keepdims=bool(node.attributes.get("keepdims", 1)))
    return total


def _reduce_max(node: Node, inputs: Inputs) -> Array:
    highest: Array = inputs[0].max(_reduced(node, inputs), keepdims=bool(node.attributes.get("keepdims", 1)))
    return highest


def _spread(call: Call, gradient: Array) -> Array:
    """Give a reduced gradient the axes back over which was reduced."""
    if not call.node.attributes.get("keepdims", 1):
        gradient = np.expand_dims(gradient, _reduced(call.node, call.inputs))
    return np.broadcast_to(gradient, call.inputs[0].shape)


def _of_highest(call: Call, gradient: Array, _place: int) -> Array:
    """Give the gradient to the first of the highest elements, as a maximum has it."""
    [axis] = _reduced(call.node, call.inputs)
    first = np.expand_dims(call.inputs[0].argmax(axis), axis)
    result = np.zeros_like(call.inputs[0])
    np.put_along_axis(result, first, np.take_along_axis(_spread(call, gradient), first, axis), axis)
    return result


def _reshape(_node: Node, inputs: Inputs) -> Array:
    shape = [int(size) or inputs[0].shape[axis] for axis, size in enumerate(inputs[1])]
    return inputs[0].reshape(shape)


def _as_before(call: Call, gradient: Array, _place: int) -> Array:
    return gradient.reshape(call.inputs[0].shape)


def _transposed_back(call: Call, gradient: Array, _place: int) -> Array:
    return gradient.transpose(np.argsort(call.node.attributes["perm"]))


def _pad(_node: Node, inputs: Inputs) -> Array:
    before, after = np.split(inputs[1], 2)
    return np.pad(inputs[0], list(zip(before.tolist(), after.tolist(), strict=True)))


def _slice(_node: Node, inputs: Inputs) -> Array:
    values, starts, ends, axes = inputs
    cuts = [slice(None)] * values.ndim
    for start, end, axis in zip(starts.tolist(), ends.tolist(), axes.tolist(), strict=True):
        cuts[axis] = slice(start, end)
    return values[tuple(cuts)]


def _gemm(node: Node, inputs: Inputs) -> Array:
    values, kernel, bias = inputs
    product: Array = values @ (kernel.T if node.attributes.get("transB", 0) else kernel) + bias
    return product


def _gemm_back(call: Call, gradient: Array, _place: int) -> Array:
    kernel = call.inputs[1]
    product: Array = gradient @ (kernel if call.node.attributes.get("transB", 0) else kernel.T)
    return product


def _matmul_back(call: Call, gradient: Array, _place: int) -> Array:
    product: Array = gradient @ call.inputs[1].T
    return product


def _mul_back(call: Call, gradient: Array, place: int) -> Array:
    """Give each factor the other times the gradient, summed over the axes along which it was repeated."""
    factor, product = call.inputs[place], gradient * call.inputs[1 - place]
    axes = tuple(axis for axis, size in enumerate(factor.shape) if size < product.shape[axis])
    result: Array = product.sum(axes, keepdims=True)
    return result


def _concat_back(call: Call, gradient: Array, place: int) -> Array:
    axis = call.node.attributes["axis"]
    ends = np.cumsum([each.shape[axis] for each in call.inputs])
    return np.split(gradient, ends[:-1], axis=axis)[place]


def _softmax(node: Node, inputs: Inputs) -> Array:
    axis = node.attributes.get("axis", -1)
    powers = np.exp(inputs[0] - inputs[0].max(axis, keepdims=True))
    shares: Array = powers / powers.sum(axis, keepdims=True)
    return shares


def _softmax_back(call: Call, gradient: Array, _place: int) -> Array:
    weighted = gradient * call.output
    shares: Array = weighted - call.output * weighted.sum(call.node.attributes.get("axis", -1), keepdims=True)
    return shares


_DTYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_}

OPERATORS: Mapping[str, Operator] = {
    "Add": Operator(lambda _, x: x[0] + x[1], lambda _call, gradient, _place: gradient),
    "Cast": Operator(lambda node, x: x[0].astype(_DTYPES[node.attributes["to"]]), settings=frozenset({"to"})),
    "Concat": Operator(lambda node, x: np.concatenate(x, node.attributes["axis"]), _concat_back, frozenset({"axis"})),
    "Div": Operator(lambda _, x: x[0] / x[1], lambda call, gradient, _: gradient / call.inputs[1]),
    "Equal": Operator(lambda _, x: x[0] == x[1]),
    "Gather": Operator(lambda _, x: x[0][x[1]]),
    "Gemm": Operator(_gemm, _gemm_back, frozenset({"transB"})),
    "Identity": Operator(lambda _, x: x[0], lambda _call, gradient, _place: gradient),
    "MatMul": Operator(lambda _, x: x[0] @ x[1], _matmul_back),
    "Max": Operator(lambda _, x: np.maximum(x[0], x[1])),
    "Min": Operator(lambda _, x: np.minimum(x[0], x[1])),
    "Mul": Operator(lambda _, x: x[0] * x[1], _mul_back),
    "Not": Operator(lambda _, x: ~x[0]),
    "Pad": Operator(_pad),
    "ReduceMax": Operator(_reduce_max, _of_highest, frozenset({"axes", "keepdims"})),
    "ReduceSum": Operator(_reduce_sum, lambda call, gradient, _: _spread(call, gradient), frozenset({"keepdims"})),
    "Relu": Operator(lambda _, x: np.maximum(x[0], 0), lambda call, gradient, _: gradient * (call.output > 0)),
    "Reshape": Operator(_reshape, _as_before),
    "Sigmoid": Operator(
        lambda _, x: precise_sigmoid(x[0]), lambda call, gradient, _: gradient * call.output * (1 - call.output)
    ),
    "Sign": Operator(lambda _, x: np.sign(x[0])),
    "Slice": Operator(_slice),
    "Softmax": Operator(_softmax, _softmax_back, frozenset({"axis"})),
    "Squeeze": Operator(lambda _, x: x[0].squeeze(_axes(x[1])), _as_before),
    "Tanh": Operator(lambda _, x: np.tanh(x[0]), lambda call, gradient, _: gradient * (1 - call.output * call.output)),
    "Transpose": Operator(
        lambda node, x: x[0].transpose(node.attributes["perm"]), _transposed_back, frozenset({"perm"})
    ),
    "Unsqueeze": Operator(lambda _, x: np.expand_dims(x[0], _axes(x[1]))),
}
"""Every plain operator by its name.

`Add`, `Div` and `MatMul` go backwards to their first input only; for `Add` and `Div` its shape is that of the output.
`Mul` goes back to both, which have as many axes.
"""
