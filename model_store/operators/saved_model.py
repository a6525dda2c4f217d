"""The operators and the objects of a SavedModel, `saved_model.pb`.

What runs: TensorFlow calls the functions that the stored objects name, among them the signature, and whatever these
call in turn. Objects other than functions and variables could run code of their own while they are loaded (a table
fills itself, a saver restores), so there must be none. The functions that save and restore the variables are in every
SavedModel and are reached from no object.

Numbers and meaning of the fields: saved_model.proto, meta_graph.proto, saved_object_graph.proto, function.proto,
node_def.proto, attr_value.proto and tensor.proto of TensorFlow.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import prod
from typing import NamedTuple

from model_store.errors import OperatorError
from model_store.operators.reading import Reader

OPERATORS = frozenset(
    (
        *("AddV2", "BiasAdd", "Cast", "ConcatV2", "Const", "Elu", "Erfc", "Exp", "ExpandDims", "Fill", "GatherV2"),
        *("Identity", "IdentityN", "LeakyRelu", "Less", "LogicalAnd", "MatMul", "Max", "Maximum", "Minimum", "Mul"),
        *("Neg", "NoOp", "NotEqual", "Pack", "Pad", "PartitionedCall", "ReadVariableOp", "RealDiv", "Relu", "Relu6"),
        *("Reshape", "ReverseV2", "SelectV2", "Selu", "Shape", "Sigmoid", "Softmax", "Softplus", "Softsign", "Split"),
        *("Square", "Squeeze", "StatefulPartitionedCall", "StridedSlice", "Sub", "Sum", "Tanh", "TensorListFromTensor"),
        *("TensorListGetItem", "TensorListReserve", "TensorListSetItem", "TensorListStack", "Tile", "Transpose"),
        *("While", "ZerosLike"),
    )
)
"""What a function that is reached may use: every operator that Keras writes for the variants and their settings."""

SAVING = frozenset(
    (
        *("AssignVariableOp", "DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2", "Select"),
        *("ShardedFilename", "StaticRegexFullMatch", "StringJoin"),
    )
)
"""What only the functions that save and restore may use beside those: reached by nobody who serves."""

GRAPH = frozenset(("Placeholder", "VarHandleOp"))
"""What only the graph around the functions may use; TensorFlow Serving runs it."""

LARGEST_CONSTANT = 1_000_000
"""Elements; weights are variables, and a constant of a few bytes may stand for any number of equal elements."""

DEEPEST = 8
"""Functions named within the attributes of a function that is named; Keras writes one."""

_OBJECT_KINDS: Mapping[int, str] = {
    3: "slots of an optimizer",
    5: "an asset",
    9: "a constant",
    10: "a resource",
    11: "a saver of its own",
    13: "a class of its own",
    14: "a class of its own",
    16: "a saver of its own",
}
"""What has a name; other fields of an object are told by their number."""

_USER_OBJECT, _FUNCTION, _SIGNATURE = 4, 6, 8
_PLAIN = frozenset((1, _USER_OBJECT, _FUNCTION, 7, _SIGNATURE, 12, 15))
"""Edges to other objects, objects that only hold others, functions, variables, and results within a function."""

_USER_OBJECTS = {"_generic_user_object", "signature_map", "trackable_list_wrapper"}
_FUNCTION_ATTRIBUTES = {"_construction_context", "_input_shapes"}


class _Program(NamedTuple):
    """Operators, and the names of the functions that these call."""

    operators: frozenset[str]
    calls: frozenset[str]


def check_saved_model(raw: bytes, name: str = "saved_model.pb") -> None:
    """Prove that nothing which is run when a SavedModel is loaded or asked does more than arithmetic.

    Args:
        raw: the file.
        name: of the file, for errors.

    Raises:
        OperatorError: if it is no SavedModel of one graph and objects, or holds anything that training does not write.
    """
    reader = Reader(name)
    meta_graphs = list(reader.inside(memoryview(raw), 2))
    if len(meta_graphs) != 1:
        raise OperatorError(f"{name} holds {len(meta_graphs)} models, expected one")
    [meta_graph] = meta_graphs
    functions: dict[str, _Program] = {}
    for function in reader.inside(meta_graph, 2, 2, 1):
        _add_function(reader, function, functions)
    named = {called for each in reader.inside(meta_graph, 7, 1) for called in _named_by_object(reader, each)}
    if not named:
        raise OperatorError(f"{name} holds no function that could be called")
    reached = _reached(named, functions)
    for called, program in functions.items():
        where = f"the function {called[:60]!r}" if called in reached else f"{called[:60]!r}, which nothing calls,"
        _check(name, where, program.operators, OPERATORS if called in reached else OPERATORS | SAVING)
    around = _read_program(reader, reader.inside(meta_graph, 2, 1))
    _check(name, "its graph", around.operators, OPERATORS | SAVING | GRAPH)


def _check(name: str, where: str, operators: frozenset[str], allowed: frozenset[str]) -> None:
    if refused := sorted(operators - allowed):
        raise OperatorError(
            f"{name}: {where} uses the operator {refused[0][:60]!r}, which is not on the list of those a model may use"
        )


def _add_function(reader: Reader, function: memoryview, functions: dict[str, _Program]) -> None:
    """Read a function and add it under its name; what has the same name counts as one."""
    if unknown := set(reader.texts(function, 5, 1)) - _FUNCTION_ATTRIBUTES:
        # One of them, `api_implements`, lets TensorFlow run another function in the place of the one that is called.
        raise OperatorError(f"{reader.name}: a function with the attribute {min(unknown)[:60]!r}")
    program = _read_program(reader, reader.inside(function, 3))
    for name in reader.texts(function, 1, 1):
        known = functions.get(name, _Program(frozenset(), frozenset()))
        functions[name] = _Program(known.operators | program.operators, known.calls | program.calls)


def _read_program(reader: Reader, nodes: Iterable[memoryview]) -> _Program:
    operators: set[str] = set()
    calls: set[str] = set()
    for node in nodes:
        operators.update(reader.texts(node, 2))
        for value in reader.inside(node, 5, 2):
            calls.update(_read_attribute(reader, value, DEEPEST))
    return _Program(frozenset(operators), frozenset(calls))


def _read_attribute(reader: Reader, value: memoryview, depth: int) -> Iterator[str]:
    """Yield the functions that an attribute names; refuse a constant that is larger than it looks."""
    if not depth:
        raise OperatorError(f"{reader.name}: more than {DEEPEST} functions named within one another")
    for tensor in chain(reader.inside(value, 8), reader.inside(value, 1, 8)):
        if prod(_size(reader, dimension) for dimension in reader.inside(tensor, 2, 2)) > LARGEST_CONSTANT:
            raise OperatorError(f"{reader.name}: a constant of more than {LARGEST_CONSTANT} elements")
    for function in chain(reader.inside(value, 10), reader.inside(value, 1, 9)):
        yield from reader.texts(function, 1)
        for inner in reader.inside(function, 2, 2):
            yield from _read_attribute(reader, inner, depth - 1)


def _size(reader: Reader, dimension: memoryview) -> int:
    """Return the largest number that a parser could take for the size of a dimension; a negative one is huge."""
    sizes = (value for number, value in reader.fields(dimension) if number == 1)
    return max((size for size in sizes if isinstance(size, int)), default=0)


def _named_by_object(reader: Reader, stored: memoryview) -> Iterator[str]:
    """Yield the functions that a stored object names; refuse objects that are more than functions and variables."""
    for number, _ in reader.fields(stored):
        if number not in _PLAIN:
            what = _OBJECT_KINDS.get(number, f"field {number}")
            raise OperatorError(f"{reader.name}: an object with {what}, which this release does not load")
    if unknown := set(reader.texts(stored, _USER_OBJECT, 1)) - _USER_OBJECTS:
        raise OperatorError(f"{reader.name}: an object of the class {min(unknown)[:60]!r}")
    yield from reader.texts(stored, _FUNCTION, 1)
    yield from reader.texts(stored, _SIGNATURE, 1)


def _reached(named: Iterable[str], functions: Mapping[str, _Program]) -> set[str]:
    """Return the functions that are named and those that they call, however far."""
    reached: set[str] = set()
    waiting = list(named)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += functions[name].calls if name in functions else ()
    return reached
