"""One way of training, nothing beside it: prints seconds by epoch as JSON. Usage: NAME VARIANT STORE ROWS EPOCHS."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.stores import latest
from bench.texts import reviews
from model_store.encoder import TextEncoder
from model_store.layout import verify

LENGTH, BATCH = 64, 128
ORDINARY, TENSORFLOW, JAX = "fit", "nunchi on TensorFlow", "nunchi"


def _ordinary(variant: str, encoder: TextEncoder, texts: list[str], epochs: int) -> list[float]:
    """Keras' `fit`, all texts padded to the longest: the way of every tutorial."""
    from model_store.golden import pad  # noqa: PLC0415 - and so below: each process imports its own backend of Keras
    from training.config import TrainingConfig  # noqa: PLC0415
    from training.variants import ModelSpec, build  # noqa: PLC0415

    model = build(ModelSpec(TrainingConfig(variant=variant), encoder.size, 2))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    ids = pad([encoder.encode(text, LENGTH).ids for text in texts], LENGTH)
    times: list[float] = []
    for _ in range(epochs):
        start = time.perf_counter()
        model.fit(ids, _targets(len(texts)), batch_size=BATCH, verbose=0)
        times.append(time.perf_counter() - start)
    return times


def _ours(variant: str, encoder: TextEncoder, texts: list[str], epochs: int) -> list[float]:
    """What `python -m training train` does in its epochs."""
    from training.backend import seed_everything  # noqa: PLC0415
    from training.classification import Classification  # noqa: PLC0415
    from training.config import TrainingConfig  # noqa: PLC0415
    from training.datasets import Dataset  # noqa: PLC0415
    from training.epochs import EpochRows  # noqa: PLC0415
    from training.rows import encode_rows  # noqa: PLC0415
    from training.trainer import fit  # noqa: PLC0415
    from training.variants import ModelSpec, build  # noqa: PLC0415

    config = TrainingConfig(variant=variant, length=LENGTH, batch_size=BATCH, epochs=epochs)
    seed_everything(config.seed)
    dataset = Dataset(texts, _targets(len(texts)), ("negative", "positive"))
    few = encode_rows(dataset.take(np.arange(BATCH)), encoder, LENGTH)
    model = build(ModelSpec(config, encoder.size, 2))
    with tempfile.TemporaryDirectory() as run:
        done = fit(model, Classification(EpochRows(dataset, encoder, config), few, config), config, Path(run))
    return [epoch.seconds for epoch in done]


def _targets(count: int) -> Any:
    """Return classes at random: what they are makes no difference to how long it takes."""
    return np.eye(2, dtype=np.float32)[np.random.default_rng(7).integers(0, 2, count)]


def main(name: str, variant: str, store: Path, rows: int, epochs: int) -> None:
    """Train a model with the reference settings; the vocabulary is that of the stored version."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "jax" if name == JAX else "tensorflow"
    texts = [text for text in reviews(rows)[0] if text.strip()]
    encoder = verify(store, latest(store)).load_encoder()
    train = _ordinary if name == ORDINARY else _ours
    print(json.dumps({"rows": len(texts), "seconds": train(variant, encoder, texts, epochs)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
