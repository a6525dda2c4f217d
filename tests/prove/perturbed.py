"""Publishes the shipped model again and again, each time with other weights, so that an answer tells whose it is."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from model_store.golden import GoldenExample, read_golden, write_golden
from model_store.layout import (
    CHECKSUM,
    DEFAULT_STORE,
    FUSED_BATCH_GRAPH,
    FUSED_GRAPH,
    GOLDEN,
    MANIFEST,
    VersionRef,
    publish,
    staging,
    verify,
)
from service.engines.onnx import OnnxEngine

SHIPPED = VersionRef("gru", 1)
STEP = 0.005
"""By how much the logit of a version is above that of the one before: a thousandth in probability, more or less."""


class Perturbed:
    """Makes versions of the shipped `gru` that differ in the bias of their last layer.

    Args:
        store: where they are published; somewhere else than where they are served.
        texts: what they will be asked.
    """

    def __init__(self, store: Path, texts: Sequence[str]) -> None:
        self._store = store
        self._source = verify(DEFAULT_STORE, SHIPPED)
        self._encoder = self._source.load_encoder()
        self._golden = read_golden(self._source.path / GOLDEN)
        self._rows = [self._encoder.encode(text, self._source.manifest.max_tokens).ids for text in texts]

    def publish(self, number: int) -> list[float]:
        """Publish the next version, and return the probability that it gives to the second label of each text."""
        with staging(self._store) as staged:
            shutil.copytree(self._source.path, staged, dirs_exist_ok=True, copy_function=os.link)
            for name in (MANIFEST, CHECKSUM, GOLDEN, FUSED_GRAPH, FUSED_BATCH_GRAPH):
                (staged / name).unlink()  # else what is written would be written into the shipped one
            for name in (FUSED_GRAPH, FUSED_BATCH_GRAPH):
                _shift(self._source.path / name, staged / name, number * STEP)
            engine = OnnxEngine(staged / FUSED_GRAPH, None, threads=1)
            rows = [*(example.ids for example in self._golden), *self._rows]
            scores = [engine.score([row])[0].tolist() for row in rows]
            known = zip(self._golden, scores, strict=False)
            write_golden(staged / GOLDEN, [GoldenExample(item.text, item.ids, score) for item, score in known])
            publish(staged, self._store, self._source.manifest)
        return [score[1] for score in scores[len(self._golden) :]]


def _shift(source: Path, target: Path, logit: float) -> None:
    """Write a graph with another bias of the last layer, whose two outputs are p and 1 - p."""
    graph = onnx.load(source)
    last = next(node for node in reversed(graph.graph.node) if node.op_type == "Gemm")
    bias = next(tensor for tensor in graph.graph.initializer if tensor.name == last.input[2])
    bias.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(bias) + np.array([-logit, logit], np.float32), bias.name)
    )
    onnx.save(graph, target)
