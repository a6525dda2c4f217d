"""What the service answers, against the Keras model that was trained, on the official test split of NSMC."""

import csv
import gzip
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray

from model_store.golden import pad
from model_store.layout import DEFAULT_STORE, StoredVersion, VersionRef, verify
from service.engines.onnx import OnnxRuntime
from service.scoring import score_rows
from tests.system.server import serving

MODELS = ("rnn", "lstm", "gru", "bigru")
BAR = 1e-5
_REQUEST_TEXTS = 1_000
_KERAS_ROWS = 512

SMALL, FULL = 1_000, 50_000


class Agreement(NamedTuple):
    """How far a model's answers are from Keras'.

    Attributes:
        texts: how many were compared.
        worst: the greatest difference of a probability, as the engine gives it.
        worst_answered: the same, as the answer of the service has it, to six decimals.
        other_labels: texts that got another label.
    """

    texts: int
    worst: float
    worst_answered: float
    other_labels: int


def reviews(count: int) -> list[str]:
    """Return the first texts of the test split that are not empty.

    Raises:
        FileNotFoundError: if `NUNCHI_DATA_DIR` does not hold it.
    """
    path = Path(os.environ["NUNCHI_DATA_DIR"], "nsmc", "ratings_test.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
    return [text for _, text, _ in rows if text.strip()][:count]


def compare(model: str, texts: Sequence[str], url: str) -> Agreement:
    """Ask Keras, the engine, and the service at `url` for the same texts."""
    stored = verify(DEFAULT_STORE, VersionRef(model, 1))
    encoder = stored.load_encoder()
    rows = [encoder.encode(text, stored.manifest.max_tokens).ids for text in texts]
    expected = _keras(stored, rows)
    scored = np.array(score_rows(OnnxRuntime().open(stored), rows, 8192).probabilities, dtype=np.float32)
    answered, labels = _asked(url, stored, texts)
    wanted = [stored.manifest.labels[label] for label in expected.argmax(axis=1)]
    return Agreement(
        texts=len(texts),
        worst=float(np.abs(scored - expected).max()),
        worst_answered=float(np.abs(answered - expected).max()),
        other_labels=sum(given != label for given, label in zip(labels, wanted, strict=True)),
    )


def main(size: int) -> str:
    """Compare every recurrent model that is shipped; return what was found, as Markdown."""
    texts = reviews(size)
    lines = ["| model | texts | worst, engine | worst, answer | other labels |", "|---|---:|---:|---:|---:|"]
    with tempfile.TemporaryDirectory() as directory, serving(DEFAULT_STORE, Path(directory, "log")) as server:
        server.wait_until_loaded()
        for model in MODELS:
            found = compare(model, texts, server.url)
            lines.append(
                f"| {model} | {found.texts:,} | {found.worst:.1e} | {found.worst_answered:.1e} | {found.other_labels} |"
            )
    return "\n".join(
        ["## Every probability as Keras gives it", "", f"Bar: {BAR:.0e}, and no label differs.", "", *lines, ""]
    )


def _keras(stored: StoredVersion, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return what the model of Keras layers says, batched by length; its sums know no padding."""
    from training.backend import keras_scorer
    from training.restoring import keras_model

    score = keras_scorer(keras_model(stored))
    probabilities = np.empty((len(rows), len(stored.manifest.labels)), dtype=np.float32)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    for start in range(0, len(order), _KERAS_ROWS):
        part = order[start : start + _KERAS_ROWS]
        probabilities[part] = score(pad([rows[row] for row in part]))
    return probabilities


def _asked(url: str, stored: StoredVersion, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
    items = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for start in range(0, len(texts), _REQUEST_TEXTS):
            body = {"texts": list(texts[start : start + _REQUEST_TEXTS]), "model": stored.manifest.name}
            answer = client.post("/predict/batch", json=body)
            answer.raise_for_status()
            items += answer.json()["predictions"]
    scores = [[item["scores"][label] for label in stored.manifest.labels] for item in items]
    return np.array(scores), [item["label"] for item in items]
