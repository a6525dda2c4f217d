"""Graphs that do something else than they should, published by somebody who knows how: every hash is right."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model_store.layout import FUSED_BATCH_GRAPH, FUSED_GRAPH, SAVED_MODEL
from tests.protobuf import chunk, number
from tests.prove.damages import MODEL, Damage, at, writing
from tests.prove.forgeries import honest, renew

Change = Callable[[onnx.ModelProto], object]

VARIABLES, INDEX = "variables/variables.data-00000-of-00001", "variables/variables.index"


def hostile() -> Iterator[Damage]:
    """Yield every hostile graph: fused, for one row and for many, then SavedModels without a fused graph."""
    for name in (FUSED_GRAPH, FUSED_BATCH_GRAPH):
        for what, change in _CHANGES.items():
            yield Damage("fused graph", f"{what}, {name}", honest(at(name, partial(_changed, change=change))))
        for what, raw in _RAW.items():
            yield Damage("fused graph", f"{what}, {name}", honest(at(name, writing(raw))))
    for what, rewrite in _REWRITES.items():
        yield Damage("SavedModel", what, partial(_unfused, rewrite=rewrite))
    for what, (name, content) in _SPOILT.items():
        yield Damage("variables", what, partial(_spoilt, name=name, content=content))


def _changed(path: Path, change: Change) -> None:
    graph = onnx.load_model_from_string(path.read_bytes())
    change(graph)
    path.write_bytes(graph.SerializeToString())


def _node(operator: str, domain: str = "", inputs: tuple[str, ...] = ("ids",)) -> Change:
    return lambda graph: graph.graph.node.append(helper.make_node(operator, inputs, ["extra"], domain=domain))


def _in_a_loop(operator: str, domain: str = "") -> Change:
    body = helper.make_graph([helper.make_node(operator, ["x"], ["y"], domain=domain)], "body", [], [])
    scan = helper.make_node("Scan", ["ids"], ["extra"], body=body, num_scan_inputs=1)
    return lambda graph: graph.graph.node.append(scan)


def _weights(factor: float) -> Change:
    """Multiply every weight; not a number and infinity are factors too."""

    def change(graph: onnx.ModelProto) -> None:
        for tensor in graph.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                tensor.CopyFrom(
                    numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), tensor.name)
                )

    return change


def _elsewhere(location: str) -> Change:
    def change(graph: onnx.ModelProto) -> None:
        tensor = graph.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return change


def _type_of(end: str, kind: int) -> Change:
    return lambda graph: setattr(getattr(graph.graph, end)[0].type.tensor_type, "elem_type", kind)


def _renamed(end: str) -> Change:
    return lambda graph: setattr(getattr(graph.graph, end)[0], "name", "other")


def _function(graph: onnx.ModelProto) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    graph.functions.append(helper.make_function("", "Gemm", ["x"], ["y"], [relu], [helper.make_opsetid("", 17)]))


def _without_nodes(graph: onnx.ModelProto) -> None:
    del graph.graph.node[:]


def _larger_than_it_is(graph: onnx.ModelProto) -> None:
    graph.graph.initializer[0].dims[0] = 2**40


def _takes_much(graph: onnx.ModelProto) -> None:
    """Pad the ids by 32 GB and cut that off again: nothing but arithmetic, and the right answer."""
    for node in graph.graph.node:
        node.input[:] = ["cut" if name == "ids" else name for name in node.input]
    numbers = {"room": [0, 0, 0, 2**33], "start": [0], "end": [-(2**33)], "axis": [1]}
    graph.graph.initializer.extend(numpy_helper.from_array(np.array(v), k) for k, v in numbers.items())
    graph.graph.node.insert(0, helper.make_node("Pad", ["ids", "room"], ["padded"]))
    graph.graph.node.insert(1, helper.make_node("Slice", ["padded", "start", "end", "axis"], ["cut"]))


_CHANGES: dict[str, Change] = {
    **{f"the operator {name}": _node(name) for name in ("If", "Loop", "ReadFile", "PyOp", "ConstantOfShape", "Einsum")},
    **{f"an operator of {name}": _node("Gemm", name) for name in ("com.evil", "com.microsoft", "ai.onnx.ml")},
    **{f"in a loop, {name}": _in_a_loop("Gemm", name) for name in ("com.evil", "com.microsoft.nchwc")},
    **{f"in a loop, the operator {name}": _in_a_loop(name) for name in ("If", "Optional")},
    **{
        f"weights in {where}": _elsewhere(where) for where in ("/etc/passwd", "../../../../etc/passwd", "manifest.json")
    },
    **{f"weights times {factor}": _weights(factor) for factor in (float("nan"), float("inf"), 0.0, 1.5, 1e30)},
    **{f"another name of {end}": _renamed(end) for end in ("input", "output")},
    "input of another type": _type_of("input", TensorProto.STRING),
    "output of another type": _type_of("output", TensorProto.INT64),
    "another domain in the list": lambda graph: graph.opset_import.add(domain="com.evil", version=1),
    "operators of the future": lambda graph: setattr(graph.opset_import[0], "version", 999),
    "a format of the future": lambda graph: setattr(graph, "ir_version", 999),
    "functions of its own": _function,
    "sparse tensors": lambda graph: graph.graph.sparse_initializer.add(),
    "no operator": _without_nodes,
    "no output": lambda graph: graph.graph.output.pop(),
    "a tensor larger than its data": _larger_than_it_is,
    "an input of nobody's": _node("Relu", inputs=("nobody",)),
    "32 GB of memory": _takes_much,
}


def _nested(levels: int) -> bytes:
    raw = b""
    for _ in range(levels):
        raw = chunk(1, chunk(5, chunk(6, raw)))
    return chunk(7, raw)


_RAW = {
    "empty": b"",
    "noise": np.random.default_rng(1).bytes(100_000),
    "cut off": (MODEL / FUSED_GRAPH).read_bytes()[:-1],
    "a format of ONNX Runtime's own": b"\x18\x00\x00\x00ORTM" + bytes(64),
    "bodies within bodies": _nested(5_000),
    "fields without end": chunk(7, chunk(1, b"") * 1_200_000),
    "a name as long as a book": chunk(7, chunk(1, chunk(4, "A" * 5_000_000))),
}


def _unfused(version: Path, rewrite: Callable[[bytes], bytes]) -> None:
    """Leave the SavedModel alone, so that TensorFlow has to run it."""
    for name in (FUSED_GRAPH, FUSED_BATCH_GRAPH):
        (version / name).unlink()
    (version / SAVED_MODEL).write_bytes(rewrite((version / SAVED_MODEL).read_bytes()))
    renew(version, fused_graph=False, fused_reason="somebody says so")


def _instead(operator: str, other: str) -> Callable[[bytes], bytes]:
    """Put an operator in the place of another with a name of the same length, wherever that is used."""
    assert len(operator) == len(other)
    before, after = (chunk(2, name) for name in (operator, other))
    return lambda raw: raw.replace(before, after)


def _with(*more: bytes) -> Callable[[bytes], bytes]:
    """Add fields to what the file holds: a message that occurs twice is one."""

    def rewrite(raw: bytes) -> bytes:
        [start] = [at for at in range(8) if raw[at] == 2 << 3 | 2]  # behind the version of the schema
        size, at, shift = 0, start + 1, 0
        while True:
            size |= (raw[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if raw[at - 1] < 0x80:
                break
        assert at + size == len(raw)
        return raw[:start] + chunk(2, raw[at:], *more)

    return rewrite


def _function_of(operator: str, *attributes: bytes) -> bytes:
    """Write a function that an object names, of one operator."""
    node = chunk(3, chunk(1, "n"), chunk(2, operator), *attributes)
    return chunk(2, chunk(2, chunk(1, chunk(1, chunk(1, "extra")), node))) + chunk(
        7, chunk(1, chunk(8, chunk(1, "extra")))
    )


def _constant(*sizes: int) -> bytes:
    tensor = chunk(8, number(1, 1), chunk(2, *(chunk(2, number(1, size)) for size in sizes)), chunk(5, bytes(4)))
    return chunk(5, chunk(1, "value"), chunk(2, tensor))


def _object(kind: int, content: bytes = b"") -> bytes:
    return chunk(7, chunk(1, chunk(kind, content)))


_REWRITES: dict[str, Callable[[bytes], bytes]] = {
    "reads a file": _instead("GatherV2", "ReadFile"),
    "reads a file instead of choosing": _instead("SelectV2", "ReadFile"),
    "writes a file": _instead("Transpose", "WriteFile"),
    "runs Python": _instead("MatMul", "PyFunc"),
    "asks for files": _instead("ExpandDims", "TextReader"),
    **{
        f"also {operator}": _with(_function_of(operator))
        for operator in (
            "EagerPyFunc",
            "PyFunc",
            "SaveV2",
            "MergeV2Checkpoints",
            "Send",
            "TPUExecute",
            "XlaLaunch",
            "Print",
        )
    },
    "a constant of 4 TB": _with(_function_of("Const", _constant(2**40))),
    "a constant of negative size": _with(_function_of("Const", _constant(2**64 - 1))),
    "a table that fills itself": _with(_object(10)),
    "an asset": _with(_object(5)),
    "a saver of its own": _with(_object(11, chunk(1, "x"))),
    "a class of its own": _with(_object(13, b"evil")),
    "an optimizer": _with(_object(4, chunk(1, "optimizer"))),
    "two models": lambda raw: raw * 2,
    "empty": lambda raw: b"",
    "noise": lambda raw: np.random.default_rng(2).bytes(len(raw)),
    "cut off": lambda raw: raw[: len(raw) // 2],
    "fields without end": lambda raw: chunk(2, number(1, 1) * 1_200_000),
}

_SPOILT: dict[str, tuple[str, bytes | None]] = {
    "missing": (VARIABLES, None),
    "index missing": (INDEX, None),
    "cut off": (VARIABLES, (MODEL / VARIABLES).read_bytes()[:1000]),
    "index cut off": (INDEX, (MODEL / INDEX).read_bytes()[:300]),
    "zeros in the index": (INDEX, bytes(603)),
    "noise in the index": (INDEX, np.random.default_rng(3).bytes(603)),
    "not a number": (VARIABLES, b"\xff" * (MODEL / VARIABLES).stat().st_size),
}
"""What the files of the weights hold; None: there is none."""


def _spoilt(version: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (version / name).unlink()
    else:
        (version / name).write_bytes(content)
    _unfused(version, bytes)
