"""Reads a fused graph: its operators in their order, and its constants. Source: ONNX, `onnx.proto`, IR version 9."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.errors import WireError
from model_store.wire import Message, floats, integers, messages, read_message, texts

Array = NDArray[Any]
"""Numbers; float32, as in the graph, unless a test asks for more digits."""

_DTYPES: Mapping[int, np.dtype[np.generic]] = {
    number: np.dtype(code).newbyteorder("<") for number, code in {1: "f4", 6: "i4", 7: "i8", 9: "?"}.items()
}
"""Element types by their number in `TensorProto.DataType`."""

_ATTRIBUTES: Mapping[int, Callable[[Message], Any]] = {
    1: lambda fields: floats(fields[2])[0],
    2: lambda fields: integers(fields.get(3, [0]))[0],
    3: lambda fields: texts(fields[4])[0],
    6: lambda fields: floats(fields.get(7, [])),
    7: lambda fields: integers(fields.get(8, [])),
    8: lambda fields: texts(fields.get(9, [])),
}
"""How the value of an attribute is read, by the number of its kind in `AttributeProto.AttributeType`."""


class NotCoveredError(Exception):
    """The graph holds something that the replay does not know; the message says what."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: its name in ONNX, what it reads and gives by name (empty where left out), and its settings."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """Operators in the order in which they are run, from `ids` to `probabilities`, and the constants they read."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]


def read_graph(data: bytes) -> Graph:
    """Read a file `model.onnx`.

    Raises:
        NotCoveredError: if it is no such file, or holds what no fused graph holds.
    """
    try:
        [graph] = messages(read_message(data)[7])
        constants = dict(_constant(tensor) for tensor in messages(graph.get(5, [])))
        return Graph(tuple(_node(node) for node in messages(graph[1])), constants)
    except (WireError, KeyError, ValueError) as error:
        raise NotCoveredError(f"the graph cannot be read: {type(error).__name__}: {error}") from error


def _node(fields: Message) -> Node:
    [operator] = texts(fields[4])
    attributes = dict(_attribute(each) for each in messages(fields.get(5, [])))
    return Node(operator, tuple(texts(fields.get(1, []))), tuple(texts(fields.get(2, []))), attributes)


def _attribute(fields: Message) -> tuple[str, Any]:
    [name], [kind] = texts(fields[1]), integers(fields[20])
    if kind not in _ATTRIBUTES:
        raise NotCoveredError(f"the attribute {name} is of a kind that no fused graph holds")
    return name, _ATTRIBUTES[kind](fields)


def _constant(fields: Message) -> tuple[str, Array]:
    [name], [kind] = texts(fields[8]), integers(fields[2])
    shape = integers(fields.get(1, []))
    if kind not in _DTYPES or 9 not in fields:
        raise NotCoveredError("a constant is of a type that no fused graph holds")
    [raw] = fields[9]
    if isinstance(raw, int):
        raise WireError("a number stands where bytes should")
    values = np.frombuffer(raw, dtype=_DTYPES[kind])
    if values.size != prod(shape):
        raise WireError("a constant has more or fewer elements than its shape says")
    return name, values.reshape(shape)
