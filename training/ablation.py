"""What each part of the recipe is worth: every row of the ablation, trained, tested and kept as a few figures.

A row is the base with one thing changed. The final recipe, `training/recipes/shipped.toml`, is trained for every cell.
"""

import json
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.backend import keras_scorer
from training.config import TrainingConfig
from training.datasets import Dataset, load_corpus
from training.evaluation import evaluate
from training.history import best
from training.noise import drop_blanks, with_typos
from training.recipe import Trained, evaluation_length, train_variant
from training.rows import encode_rows
from training.scoring import score_rows

FIGURES = "figures.json"
TYPO_RATE = 0.05

BASE: dict[str, Any] = {
    "variant": "gru",
    "vocabulary": 10_000,
    "length": 96,
    "embedding": 80,
    "units": 80,
    "batch_size": 256,
    "epochs": 5,
}
"""The plain way: the last state, Adam at a constant rate, hard labels, nothing dropped."""

ENCODER = "encoder"
"""The run that all others take their text encoder from."""

PRETRAINING = Path(__file__).parent / "recipes" / "pretraining.toml"
RECIPE = Path(__file__).parent / "recipes" / "shipped.toml"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        title: what is changed.
        changes: the settings that differ from the base; paths are relative to the directory of the runs.
        track: A, training reviews only; B, further reviews as text; "B with stars", with their ratings.
        seeds: one run each.
    """

    title: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    track: str = "A"
    seeds: tuple[int, ...] = (7,)


ROWS: dict[str, Row] = {
    "base": Row("base: last state, Adam at 0.001", seeds=(7, 8, 9)),
    "mean": Row("pooling: mean", {"pooling": "mean"}),
    "max": Row("pooling: max", {"pooling": "max"}),
    "mean_max": Row("pooling: mean and max", {"pooling": "mean_max"}),
    "attention": Row("pooling: attention", {"pooling": "attention"}),
    "spatial": Row("spatial dropout 0.3", {"spatial_dropout": 0.3}),
    "recurrent": Row("recurrent dropout 0.2", {"recurrent_dropout": 0.2}),
    "head": Row("dropout 0.3 before the hidden layer", {"head_dropout": 0.3}),
    "smoothing": Row("label smoothing 0.1", {"label_smoothing": 0.1}),
    "cosine": Row("cosine schedule from 0.002", {"schedule": "cosine", "learning_rate": 2e-3}),
    "one_cycle": Row("one cycle up to 0.003", {"schedule": "one_cycle", "learning_rate": 3e-3}),
    "average": Row("averaged weights, momentum 0.999", {"weight_average": 0.999}),
    "sampling": Row("sampled pieces, alpha 0.3", {"piece_sampling": 0.3}),
    "noise": Row("noise: 15% without blanks, 2% typos", {"blank_noise": 0.15, "typo_noise": 0.02}),
    "pretrained": Row("pre-trained as a language model", {"pretrained": "language_models/gru"}, "B"),
    "linear": Row("soft labels of the linear teachers", {"extra": "soft_linear.tsv"}, "B"),
    "linear_stars": Row("the same, stars mixed in", {"extra": "soft_linear_stars.tsv"}, "B with stars"),
    "all_stars": Row("soft labels of all teachers, stars mixed in", {"extra": "soft_all_stars.tsv"}, "B with stars"),
}
"""The rows, by the names of their runs."""

CELLS = ("rnn", "lstm", "gru")
RECIPE_SEEDS = (7, 8, 9)


def row_config(name: str, seed: int, runs: Path) -> TrainingConfig:
    """Return the settings of one run of a row of `ROWS`."""
    settings = {**BASE, "encoder_from": ENCODER, **ROWS[name].changes, "seed": seed}
    return TrainingConfig(**_below(runs, settings))


def recipe_config(cell: str, seed: int, runs: Path) -> TrainingConfig:
    """Return the settings of the final recipe for one cell."""
    settings = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
    names = {"pretrained": f"language_models/{cell}", "extra": "soft_all_stars.tsv"}
    return TrainingConfig(**_below(runs, {**settings, **names, "variant": cell, "seed": seed}))


def pretraining_config(cell: str, runs: Path) -> TrainingConfig:
    """Return the settings that the recipe is pre-trained with."""
    settings = tomllib.loads(PRETRAINING.read_text(encoding="utf-8"))
    return TrainingConfig(**_below(runs, {**settings, "encoder_from": ENCODER, "variant": cell}))


def _below(runs: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    paths = ("extra", "pretrained", "encoder_from")
    return {name: str(runs / value) if name in paths else value for name, value in settings.items()}


def run_row(config: TrainingConfig, run: Path) -> dict[str, Any]:
    """Train and test one run, unless its figures are there; return them.

    Returns:
        accuracy and its like on the test part, accuracy on validation, on the test part without blanks and with
        typos, parameters, and seconds of training.
    """
    path = run / FIGURES
    if not path.exists():
        keras.utils.clear_session()
        start = time.perf_counter()
        trained = train_variant(config, run)
        figures = {**_figures(trained), "seconds": round(time.perf_counter() - start, 1)}
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _figures(trained: Trained) -> dict[str, Any]:
    test = load_corpus(trained.config).test
    generator = np.random.default_rng(0)
    return {
        **_scored(trained, test),
        "validation_accuracy": best(trained.epochs).validation_accuracy,
        "without_blanks": _scored(trained, _changed(test, [drop_blanks(text) for text in test.texts]))["accuracy"],
        "with_typos": _scored(trained, _changed(test, [with_typos(text, TYPO_RATE, generator) for text in test.texts]))[
            "accuracy"
        ],
        "parameters": trained.model.count_params(),
        "backend": keras.backend.backend(),
    }


def _changed(dataset: Dataset, texts: list[str]) -> Dataset:
    return Dataset(texts, dataset.targets, dataset.labels)


def _scored(trained: Trained, dataset: Dataset) -> dict[str, float]:
    rows = encode_rows(dataset, trained.encoder, evaluation_length(trained.config), keep_empty=True)
    return evaluate(score_rows(keras_scorer(trained.model), rows), rows).metrics
