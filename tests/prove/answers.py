"""What two shipped models really answer to reviews with known labels: scored once, then kept."""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_store.layout import DEFAULT_STORE, VersionRef, verify
from service.engines.onnx import OnnxRuntime
from service.scoring import score_rows
from training.config import TrainingConfig
from training.datasets import Dataset, load_corpus

_BATCH_TOKENS = 8192


def validation_reviews() -> Dataset:
    """Return the validation part of NSMC's training split: what no figure of the models was measured on.

    Raises:
        DataError: if `NUNCHI_DATA_DIR` does not hold the corpus.
    """
    return load_corpus(TrainingConfig(dataset="nsmc", validation_share=0.1, seed=7)).validation


def answers(ref: VersionRef, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return probabilities (texts, labels) of a shipped version, from the cache if they were asked for before.

    The key of the cache is the version's digest with the texts, so another version or corpus is scored anew.
    """
    stored = verify(DEFAULT_STORE, ref)
    key = hashlib.sha256("\n".join([stored.digest, *texts]).encode()).hexdigest()[:24]
    kept = Path(tempfile.gettempdir(), "nunchi-prove", f"{ref.name}-{ref.version}-{key}.npy")
    if kept.is_file():
        known: NDArray[np.float32] = np.load(kept)
        return known
    encoder = stored.load_encoder()
    rows = [encoder.encode(text, stored.manifest.max_tokens).ids for text in texts]
    if not all(rows):
        raise ValueError("a text holds nothing that the model knows; leave it out")
    scored = score_rows(OnnxRuntime().open(stored), rows, _BATCH_TOKENS)
    probabilities = np.array(scored.probabilities, dtype=np.float32)
    _keep(kept, probabilities)
    return probabilities


def _keep(path: Path, probabilities: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.stem}.staged.npy")
    np.save(staged, probabilities)
    staged.replace(path)
