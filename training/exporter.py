"""Publication of a trained model: stage it, prove that all its forms agree, rename it into the store."""

import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
import onnx
import sentencepiece
import tensorflow as tf
from numpy.typing import NDArray

from model_store.encoder import EncoderSpec
from model_store.golden import GoldenExample, Scorer, pad, write_golden
from model_store.layout import (
    EXTRA,
    FUSED_BATCH_GRAPH,
    FUSED_GRAPH,
    GOLDEN,
    REPORT,
    SAVED_MODEL,
    VersionRef,
    publish,
    staging,
)
from model_store.manifest import Manifest
from model_store.operators.fused_graph import check_fused_graph
from model_store.operators.saved_model import check_saved_model
from model_store.text import TEXT_VERSION
from training.backend import keras_scorer
from training.datasets import Corpus
from training.errors import ParityError
from training.lowering import NotCoveredError, lower
from training.recipe import Trained
from training.report import Report, write_report
from training.rows import Rows
from training.scoring import score_rows
from training.stepping import lower_for_many
from training.variants import find_variant

AGREEMENT_TEXTS = 1_000
AGREEMENT = 1e-5
"""Largest difference of a probability between Keras, SavedModel and fused graph."""

GOLDEN_TEXTS = Path(__file__).parent / "golden_texts.txt"


@dataclass(frozen=True, slots=True)
class Publication:
    """What goes into the store.

    Attributes:
        name: the model, as clients will name it.
        trained: the model.
        corpus: the data it was trained on; its validation texts prove the agreement.
        rows: those validation texts, encoded as served.
        report: its report.
    """

    name: str
    trained: Trained
    corpus: Corpus
    rows: Rows
    report: Report


def publish_model(publication: Publication, store: Path) -> VersionRef:
    """Make a trained model the next version of its name.

    Raises:
        ParityError: if Keras, the SavedModel and the fused graph do not agree on `AGREEMENT_TEXTS` real texts.
    """
    with staging(store) as staged:
        reason = write_forms(publication.trained.model, staged, publication.rows)
        publication.trained.encoder.save(staged / EXTRA)
        write_golden(staged / GOLDEN, golden_examples(publication.trained))
        write_report(staged / REPORT, publication.report)
        return publish(staged, store, _manifest(publication, reason))


def write_forms(model: keras.Model, staged: Path, rows: Rows) -> str:
    """Write the SavedModel and the fused graphs into `staged`, reload all and prove that they agree with Keras.

    Returns:
        Why there is no fused graph, or an empty text.

    Raises:
        ParityError: if they do not.
        OperatorError: if one holds an operator that the service would refuse.
    """
    write_saved_model(model, staged)
    check_saved_model((staged / SAVED_MODEL).read_bytes())
    expected = keras_scorer(model)
    check_agreement(expected, saved_model_scorer(staged), rows, "the SavedModel")
    try:
        write_graph(lower(model), staged / FUSED_GRAPH)
    except NotCoveredError as error:
        return str(error)
    check_agreement(expected, fused_scorer(staged / FUSED_GRAPH), rows, "the fused graph")
    with suppress(NotCoveredError):  # then the first graph scores many rows as well
        write_graph(lower_for_many(model), staged / FUSED_BATCH_GRAPH)
        check_agreement(expected, fused_scorer(staged / FUSED_BATCH_GRAPH), rows, "the fused graph for many rows")
    return ""


def write_graph(graph: onnx.ModelProto, path: Path) -> None:
    """Write a fused graph that the service will take."""
    raw = graph.SerializeToString()
    check_fused_graph(raw, path.name)
    path.write_bytes(raw)


def write_saved_model(model: keras.Model, path: Path) -> None:
    """Write a SavedModel with the signature `serving_default`: ids -> probabilities.

    Keras' own archive stores every weight twice, so the module is made by hand.
    """
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    module.serve = tf.function(
        lambda ids: {"probabilities": model(ids, training=False)},
        input_signature=[tf.TensorSpec((None, None), tf.int32, name="ids")],
    )
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def saved_model_scorer(path: Path) -> Scorer:
    """Load a SavedModel as the service does, through its signature."""
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]

    def score(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        # `loaded` must live as long as its signature, which does not hold the variables itself
        return np.asarray(signature(ids=tf.constant(ids))["probabilities"]) if loaded else np.empty(0, np.float32)

    return score


def fused_scorer(path: Path) -> Scorer:
    """Load a fused graph as the service does."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read while it is imported
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def score(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        (probabilities,) = session.run(None, {"ids": ids})
        return np.asarray(probabilities)

    return score


def check_agreement(expected: Scorer, found: Scorer, rows: Rows, what: str) -> float:
    """Compare two forms of a model on real texts, each alone and in batches.

    Returns:
        The largest difference of a probability.

    Raises:
        ParityError: if one differs by more than `AGREEMENT`, is not a number, or changes a label.
    """
    few = rows.take(np.arange(min(AGREEMENT_TEXTS, len(rows))))
    reference = score_rows(expected, few)
    worst = 0.0
    for batch_size in (1, 64):
        scores = score_rows(found, few, batch_size)
        difference = float(np.abs(scores - reference).max())
        if not difference <= AGREEMENT or (scores.argmax(axis=1) != reference.argmax(axis=1)).any():
            raise ParityError(f"{what} differs from Keras by {difference:.2g} on {len(few)} texts; nothing published")
        worst = max(worst, difference)
    return worst


def golden_examples(trained: Trained) -> list[GoldenExample]:
    """Return the golden texts with the ids and probabilities that the model gives them."""
    limit = find_variant(trained.config.variant).max_tokens(trained.config)
    texts = GOLDEN_TEXTS.read_text(encoding="utf-8").splitlines()
    ids = [trained.encoder.encode(text, limit).ids for text in texts]
    probabilities = keras_scorer(trained.model)(pad(ids))
    return [
        GoldenExample(text, row, [float(p) for p in scores])
        for text, row, scores in zip(texts, ids, probabilities, strict=True)
    ]


def _manifest(publication: Publication, fused_reason: str) -> Manifest:
    trained, report = publication.trained, publication.report
    return Manifest(
        name=publication.name,
        version=1,
        variant=trained.config.variant,
        labels=publication.corpus.test.labels,
        encoder=EncoderSpec(trained.encoder.kind, trained.encoder.size, TEXT_VERSION),
        max_tokens=find_variant(trained.config.variant).max_tokens(trained.config),
        fused_graph=not fused_reason,
        fused_reason=fused_reason,
        metrics={**report.metrics, **report.cost},
        calibration=report.calibrated.settings,
        provenance={
            "published": datetime.now(UTC).isoformat(timespec="seconds"),
            "evaluated_on": report.part,
            "data": publication.corpus.source,
            **trained.origin,
            "settings": trained.config.to_dict(),
            "commit": _commit(),
            "python": platform.python_version(),
            "packages": {package.__name__: package.__version__ for package in (keras, onnx, sentencepiece, tf)},
        },
    )


def _commit() -> str:
    """Return the commit of the code, or an empty text outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  a fixed command
    return found.stdout.strip()
