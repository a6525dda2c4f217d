"""The replay of every variant against what the service answers, and how exactly integrated gradients add up."""

import csv
import gzip
import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

from model_store.layout import DEFAULT_STORE, FUSED_GRAPH, VersionRef, list_versions, verify
from service.explain.graph import read_graph
from service.explain.integral import WHOLE, study
from service.explain.replay import Replay
from tests.prove.agreement import reviews
from tests.system.server import serving
from tests.system.variants import publish_every_variant

BAR = 1e-5
"""Largest difference of a probability between replay and service."""

COMPLETE = 0.01
"""Largest completeness error at the median, as a share of the change of the probability."""

_REQUEST_TEXTS = 1_000
_SETTINGS = ("--vocabulary", "2000", "--embedding", "16", "--units", "16", "--epochs", "1", "--batch-size", "64")


class Size(NamedTuple):
    """How much is done.

    Attributes:
        texts: of the test split, replayed and scored by the service.
        explained: of them, explained by the service.
        training: reviews from which every variant is trained.
    """

    texts: int
    explained: int
    training: int


SMALL, FULL = Size(60, 5, 300), Size(1_000, 50, 3_000)


class Found(NamedTuple):
    """What was found of one version.

    Attributes:
        model: its name.
        worst: the greatest difference of a probability between the replay and the answers of `POST /predict/batch`.
        worst_told: the greatest `replay_difference` of `POST /explain`.
        median: of the completeness errors, as shares of the change of the probability.
        ninth: the error that nine of ten texts stay below, likewise.
    """

    model: str
    worst: float
    worst_told: float
    median: float
    ninth: float

    @property
    def good(self) -> bool:
        """Whether all bars are met."""
        return max(self.worst, self.worst_told) <= BAR and self.median <= COMPLETE


def measure(url: str, store: Path, ref: VersionRef, texts: Sequence[str], explained: int) -> Found:
    """Replay a version that is served at `url`, on texts, of which it is asked to explain some."""
    stored = verify(store, ref)
    encoder, replay = stored.load_encoder(), Replay(read_graph((stored.path / FUSED_GRAPH).read_bytes()))
    answered = _answered(url, ref.name, texts)
    worst, shares = 0.0, []
    for text, expected in zip(texts, answered, strict=True):
        ids = encoder.encode(text, stored.manifest.max_tokens).ids
        answer = int(np.argmax(expected))
        studied = study(replay, ids, followed=1 if len(expected) == 2 else answer, answer=answer)
        probabilities = studied.run.probabilities[WHOLE]
        worst = max(worst, float(np.abs(probabilities - expected).max()))
        shares.append(studied.integral.error / max(1e-12, abs(studied.integral.values.sum())))
    told = max(item["replay_difference"] for item in _explained(url, ref.name, texts[:explained]))
    return Found(ref.name, worst, told, float(np.median(shares)), float(np.quantile(shares, 0.9)))


def measure_store(store: Path, size: Size, log: Path) -> list[Found]:
    """Serve all versions of a store and measure each of them."""
    texts = reviews(size.texts)
    with serving(store, log) as server:
        server.wait_until_loaded()
        return [measure(server.url, store, ref, texts, size.explained) for ref in list_versions(store)]


def main(size: Size) -> str:
    """Measure the shipped models and a small version of every variant; return what was found, as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        shipped = measure_store(DEFAULT_STORE, size, path / "shipped.log")
        small = measure_store(publish_every_variant(path, _training(size.training), _SETTINGS), size, path / "log")
    return section(size, shipped, small)


def section(size: Size, shipped: Sequence[Found], small: Sequence[Found]) -> str:
    """Return what was found, as Markdown."""
    rows = [*(("shipped", found) for found in shipped), *(("small", found) for found in small)]
    return "\n".join(
        [
            "## Explanations replay what is served",
            "",
            f"{size.texts:,} reviews of the test split, scored by `POST /predict/batch` and replayed,",
            f"{size.explained} of them explained by `POST /explain`, with the shipped models and with a small one of",
            f"every variant, trained on {size.training:,} reviews. Bars: a replayed probability is that of the service",
            f"to {BAR:.0e} (answers have six decimals); integrated gradients miss the change of the probability by at",
            f"most {COMPLETE:.0%} at the median.",
            "",
            "| model | | worst probability | worst, told by `/explain` | completeness error, median | 90% below | |",
            "|---|---|---:|---:|---:|---:|---|",
            *(
                f"| {found.model} | {kind} | {found.worst:.1e} | {found.worst_told:.1e} | {found.median:.2%} | "
                f"{found.ninth:.2%} | {'good' if found.good else 'MISSED'} |"
                for kind, found in rows
            ),
        ]
    )


def _training(count: int) -> Iterator[tuple[str, str]]:
    """Yield the first reviews of the training split that are not empty, with their labels."""
    path = Path(os.environ["NUNCHI_DATA_DIR"], "nsmc", "ratings_train.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        wanted = ((text, label) for _, text, label in rows if text.strip())
        yield from islice(wanted, count)


def _answered(url: str, model: str, texts: Sequence[str]) -> list[list[float]]:
    items: list[dict[str, Any]] = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for start in range(0, len(texts), _REQUEST_TEXTS):
            body = {"texts": list(texts[start : start + _REQUEST_TEXTS]), "model": model}
            items += client.post("/predict/batch", json=body).raise_for_status().json()["predictions"]
    return [list(item["scores"].values()) for item in items]


def _explained(url: str, model: str, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    with httpx.Client(base_url=url, timeout=60) as client:
        for text in texts:
            answer = client.post("/explain", json={"text": text, "models": [model]}).raise_for_status()
            yield answer.json()["models"][0]
