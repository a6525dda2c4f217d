"""The operators and the structure of a fused graph, `model.onnx`.

Numbers and meaning of the fields: onnx.proto of ONNX, IR version 9. Only what training writes is known here, so data in
other files, functions, sparse tensors and the like are refused by not being known.
"""

from collections.abc import Mapping

from model_store.errors import OperatorError
from model_store.operators.reading import Reader

OPERATORS = frozenset(
    (
        *("Add", "Cast", "Concat", "Div", "GRU", "Gather", "Gemm", "Identity", "LSTM", "MatMul", "Max", "Min", "Mul"),
        *("Pad", "RNN", "ReduceMax", "ReduceSum", "Relu", "Reshape", "Scan", "Sigmoid", "Sign", "Slice", "Softmax"),
        *("Split", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"),
    )
)
"""Every operator that `training.lowering` and `training.stepping` write."""

DOMAINS = frozenset(("", "ai.onnx"))
"""Both names of ONNX's own operators; all others are code that somebody added."""

DEEPEST = 16
"""Messages within one another; the body of a `Scan` takes seven."""

_LEAF = ""
_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {1: _LEAF, 2: _LEAF, 3: _LEAF, 4: _LEAF, 5: _LEAF, 6: _LEAF, 7: "graph", 8: "operator set", 14: _LEAF},
    "graph": {1: "node", 2: _LEAF, 5: "tensor", 10: _LEAF, 11: _LEAF, 12: _LEAF, 13: _LEAF},
    "node": {1: _LEAF, 2: _LEAF, 3: _LEAF, 4: _LEAF, 5: "attribute", 6: _LEAF, 7: _LEAF},
    "attribute": {
        **dict.fromkeys((1, 2, 3, 4, 7, 8, 9, 13, 20), _LEAF),
        5: "tensor",
        6: "graph",
    },
    "tensor": dict.fromkeys((1, 2, 4, 5, 7, 8, 9, 10, 12), _LEAF),
    "operator set": {1: _LEAF, 2: _LEAF},
}
"""The fields of each message that may occur, and which message they hold, if any."""

_REFUSED = {
    ("model", 20): "what it does in training",
    ("model", 25): "functions of its own",
    ("graph", 15): "sparse tensors",
    ("tensor", 13): "data in another file",
    ("tensor", 14): "data in another file",
}
"""What has a name; other fields are told by their number."""

_OPERATOR, _DOMAIN, _DOMAIN_OF_SET = ("node", 4), ("node", 7), ("operator set", 1)


def check_fused_graph(raw: bytes, name: str) -> None:
    """Prove that a fused graph does nothing but arithmetic on what it holds itself, subgraphs included.

    Args:
        raw: the file.
        name: of the file, for errors.

    Raises:
        OperatorError: if it is no graph, or holds an operator or anything else that training does not write.
    """
    _check(Reader(name), memoryview(raw), "model", DEEPEST)


def _check(reader: Reader, message: memoryview, kind: str, depth: int) -> None:
    if not depth:
        raise OperatorError(f"{reader.name}: more than {DEEPEST} levels within one another")
    for number, value in reader.fields(message):
        holds = _MESSAGES[kind].get(number)
        if holds is None:
            what = _REFUSED.get((kind, number), f"field {number}")
            raise OperatorError(f"{reader.name}: a {kind} with {what}, which this release does not load")
        if holds:
            _check(reader, reader.bytes_of(value), holds, depth - 1)
        elif (kind, number) in (_OPERATOR, _DOMAIN, _DOMAIN_OF_SET):
            _check_name(reader.name, (kind, number), reader.text(value))


def _check_name(file: str, where: tuple[str, int], name: str) -> None:
    if where == _OPERATOR:
        if name not in OPERATORS:
            raise OperatorError(f"{file}: the operator {name[:60]!r} is not on the list of those a model may use")
    elif name not in DOMAINS:
        raise OperatorError(f"{file}: the operators of {name[:60]!r} are not ONNX's own")
