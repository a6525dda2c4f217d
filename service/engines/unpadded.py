"""What a fused graph becomes for rows without padding, such as a text alone.

Half of its operators tell padding from ids (training/lowering.py, lowering_pooling.py). Without padding it is known
what they give, and each costs a call as much as it does for many rows: 4 of 47 microseconds (docs/decisions/0007).
Numbers of fields: onnx.proto of ONNX, IR version 9.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import PADDING_ID
from model_store.errors import WireError
from model_store.wire import Message, Value, fields, integers, messages, opened, read_message, texts, written

_GIVES: Mapping[tuple[str, ...], str] = {
    ("Transpose", "ids"): "steps",
    ("Sign", "steps"): "ones",
    ("ReduceSum", "ones", "first axis"): "count",
    ("Cast", "count"): "count",
    ("Unsqueeze", "count", "other axis"): "count",
    ("Max", "count", "one"): "count",
    ("Min", "count", "one"): "ones",
    ("Gather", "handicap", "steps"): "zeros",
    ("Add", "any", "zeros"): "first input",
    ("Mul", "any", "ones"): "first input",
    ("ReduceSum", "any", "first axis"): "sum",
    ("Div", "sum", "count"): "mean",
}
"""What an operator gives if no id is padding, by its name and what it reads; what is not listed gives `any`.

`count` is the number of steps, `handicap` a table of zeros but for padding.
"""

_RECURRENT = ("GRU", "LSTM", "RNN")
_LENGTHS = 4
"""Place among their inputs."""
_FLOAT32, _INT64 = 1, 7
_ONE = np.float32(1).tobytes()
_LARGE_BYTES = 2**20
_AXES = written(1, b"axes") + written(8, 0) + written(20, 7)
"""The attribute `axes=[0]`."""


class Unpadded(NamedTuple):
    """A graph for ids of which none is padding, and the large constants that it has in common with the other."""

    raw: bytes
    constants: Mapping[str, NDArray[np.float32]]


class _Node(NamedTuple):
    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Sequence[bytes]

    def written(self) -> bytes:
        parts = [(1, name.encode()) for name in self.inputs] + [(2, name.encode()) for name in self.outputs]
        whole = [*parts, (4, self.operator.encode()), *((5, attribute) for attribute in self.attributes)]
        return b"".join(written(number, value) for number, value in whole)


def without_padding(raw: bytes) -> Unpadded:
    """Return what a fused graph becomes; itself if nothing gets simpler or it is not as training writes it.

    Args:
        raw: a graph `ids int32 (batch, length)` -> `probabilities float32 (batch, labels)`.
    """
    try:
        [whole] = read_message(raw)[7]
        graph = read_message(_bytes(whole))
        tensors = {texts(tensor[8])[0]: tensor for tensor in messages(graph.get(5, []))}
        outputs = [texts(value[1])[0] for value in messages(graph[12])]
        nodes = _simpler([_node(node) for node in messages(graph[1])], tensors, outputs)
        constants = {name: _array(tensor) for name, tensor in tensors.items() if len(_data(tensor)) >= _LARGE_BYTES}
    except (WireError, KeyError, ValueError):
        return Unpadded(raw, {})
    if len(nodes) == len(graph[1]):
        return Unpadded(raw, {})
    kept = [part for number, value in fields(_bytes(whole)) if number != 1 for part in _field(number, value)]
    simpler = [*kept, *(written(1, node.written()) for node in nodes)]
    size = sum(map(len, simpler))
    parts = [
        part
        for number, value in fields(raw)
        for part in ([opened(7, size), *simpler] if number == 7 else _field(number, value))
    ]
    return Unpadded(b"".join(parts), constants)


def _field(number: int, value: Value) -> list[bytes | memoryview]:
    return [written(number, value)] if isinstance(value, int) else [opened(number, len(value)), value]


def _simpler(nodes: Iterable[_Node], tensors: Mapping[str, Message], outputs: Sequence[str]) -> list[_Node]:
    gives = {"ids": "ids"} | {name: _constant(tensor) for name, tensor in tensors.items()}
    same: dict[str, str] = {}
    sums: dict[str, _Node] = {}
    made = []
    for read in nodes:
        node = read._replace(inputs=[same.get(name, name) for name in read.inputs])
        first = node.outputs[0]
        found = [gives.get(name, "any") for name in node.inputs]
        gives[first] = _GIVES.get((node.operator, *found), "any")
        if gives[first] == "first input" and first not in outputs:
            same[first] = node.inputs[0]
        elif gives[first] == "mean":
            added = sums[node.inputs[0]]
            node = _Node("ReduceMean", added.inputs[:1], node.outputs, [*added.attributes, _AXES])
        elif node.operator in _RECURRENT and found[_LENGTHS:] == ["count"]:
            node = node._replace(inputs=node.inputs[:_LENGTHS])
        elif gives[first] == "sum":
            sums[first] = node
        made.append(node)
    return _needed(made, outputs)


def _needed(nodes: Sequence[_Node], outputs: Iterable[str]) -> list[_Node]:
    """Leave out what nothing reads any more."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _node(message: Message) -> _Node:
    [operator] = texts(message[4])
    return _Node(
        operator, texts(message.get(1, [])), texts(message[2]), [bytes(_bytes(each)) for each in message.get(5, [])]
    )


def _constant(tensor: Message) -> str:
    """Return what `_GIVES` calls a constant."""
    [kind], shape, data = integers(tensor[2]), integers(tensor.get(1, [])), _data(tensor)
    if kind == _INT64:
        return "other axis" if any(data) else "first axis"
    if kind != _FLOAT32:
        return "any"
    if shape[1:] == [1] and not np.delete(_array(tensor), PADDING_ID).any():
        return "handicap"
    return "one" if data == _ONE else "any"


def _array(tensor: Message) -> NDArray[np.float32]:
    shape, values = integers(tensor.get(1, [])), np.frombuffer(_data(tensor), dtype="<f4").astype(np.float32)
    if values.size != prod(shape):
        raise WireError("a constant has more or fewer elements than its shape says")
    return values.reshape(shape)


def _data(tensor: Message) -> memoryview:
    [data] = tensor[9]
    return _bytes(data)


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise WireError("a number stands where bytes should")
    return value
