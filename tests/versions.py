"""Publishes small versions with random weights, so that tests of the service need neither training nor TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model_store.encoder import CharacterEncoder, EncoderSpec
from model_store.golden import GoldenExample, write_golden
from model_store.layout import EXTRA, FUSED_GRAPH, GOLDEN, VersionRef, publish, staging
from model_store.manifest import Calibration, Manifest
from model_store.text import TEXT_VERSION

CHARACTERS = (
    "가나다라마바사아자차카타파하영화배우연기정말좋았어요재미없지루했최고별로ㅋㅠㅎ!?.~abcdefghijklmnopqrstuvwxyz0123"
)
GOLDEN_TEXTS = ("영화 정말 좋았어요", "지루했어요 ㅠㅠ", "최고!", "배우 연기는 별로 재미도 없다")


@dataclass(frozen=True)
class Shape:
    """Sizes of a tiny network, the seed of its weights, and from which probability on its answers are certain."""

    labels: tuple[str, ...] = ("negative", "positive")
    embedding: int = 8
    units: int = 8
    max_tokens: int = 256
    seed: int = 0
    certain_from: float | None = None


def publish_version(store: Path, name: str = "gru", shape: Shape | None = None) -> VersionRef:
    """Publish a version of `name` with a fused graph and a stand-in for the SavedModel."""
    with staging(store) as staged:
        (staged / "saved_model.pb").write_bytes(b"never opened by these tests")
        return publish_staged(staged, store, name, shape or Shape())


def publish_staged(staged: Path, store: Path, name: str, shape: Shape, fused_reason: str = "") -> VersionRef:
    """Add encoder, golden examples and, unless there is a reason against it, the fused graph; then publish."""
    encoder = CharacterEncoder(sorted(set(CHARACTERS)))
    graph = gru_graph(encoder.size, shape)
    encoder.save(staged / EXTRA)
    write_golden(staged / GOLDEN, golden_examples(encoder, graph, shape.max_tokens))
    if not fused_reason:
        (staged / FUSED_GRAPH).write_bytes(graph.SerializeToString())
    return publish(staged, store, manifest_of(name, encoder.size, shape, fused_reason))


def manifest_of(name: str, encoder_size: int, shape: Shape, fused_reason: str = "") -> Manifest:
    """Describe a version that uses the character encoder of these tests."""
    return Manifest(
        name=name,
        version=1,
        variant="gru",
        labels=shape.labels,
        encoder=EncoderSpec("character", encoder_size, TEXT_VERSION),
        max_tokens=shape.max_tokens,
        fused_graph=not fused_reason,
        fused_reason=fused_reason,
        metrics={"accuracy": 0.5},
        provenance={"note": "random weights, for tests"},
        calibration=Calibration(1.0, shape.certain_from, 0.95, {}),
    )


def golden_examples(encoder: CharacterEncoder, graph: onnx.ModelProto, max_tokens: int) -> list[GoldenExample]:
    """Score the golden texts one by one with ONNX Runtime."""
    from onnxruntime import InferenceSession

    session = InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    examples = []
    for text in GOLDEN_TEXTS:
        ids = encoder.encode(text, max_tokens).ids
        [scores] = session.run(["probabilities"], {"ids": np.array([ids], dtype=np.int32)})
        examples.append(GoldenExample(text, ids, scores[0].tolist()))
    return examples


def random_weights(vocabulary: int, shape: Shape) -> dict[str, NDArray[np.float32]]:
    """Draw the weights of a small GRU, in the layout of the ONNX operator: embedding E, W, R, B, output D and d."""
    random = np.random.default_rng(shape.seed)
    units, embedding, labels = shape.units, shape.embedding, len(shape.labels)
    sizes = {
        "E": (vocabulary, embedding),
        "W": (1, 3 * units, embedding),
        "R": (1, 3 * units, units),
        "B": (1, 6 * units),
        "D": (units, labels),
        "d": (labels,),
    }
    return {name: random.normal(0, 0.5, size).astype(np.float32) for name, size in sizes.items()}


def gru_graph(vocabulary: int, shape: Shape) -> onnx.ModelProto:
    """Build ids -> Gather -> GRU over the real length -> Gemm -> Softmax, with random weights."""
    tensors: dict[str, NDArray[Any]] = {
        **random_weights(vocabulary, shape),
        "time": np.array([1], np.int64),
        "direction": np.array([0], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["E", "ids"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("Sign", ["ids"], ["ones"]),
        helper.make_node("ReduceSum", ["ones", "time"], ["lengths"], keepdims=0),
        helper.make_node(
            "GRU", ["steps", "W", "R", "B", "lengths"], ["", "last"], hidden_size=shape.units, linear_before_reset=1
        ),
        helper.make_node("Squeeze", ["last", "direction"], ["state"]),
        helper.make_node("Gemm", ["state", "D", "d"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    return _model(nodes, tensors, len(shape.labels))


def _model(nodes: Sequence[onnx.NodeProto], tensors: dict[str, NDArray[Any]], labels: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "length"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", labels])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
