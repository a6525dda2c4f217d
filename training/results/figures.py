"""The few figures of a run that a table of the page shows, kept in its directory; and those of the linear baseline."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from training.backend import keras_scorer
from training.baseline import baseline_probabilities, train_baseline
from training.config import TrainingConfig
from training.datasets import load_corpus
from training.evaluation import evaluate
from training.history import best
from training.recipe import Trained, evaluation_length, train_variant
from training.robustness import accuracies_under_noise
from training.rows import encode_rows
from training.scoring import score_rows, text_scorer

Figures = dict[str, Any]

FIGURES = "figures.json"


def kept(path: Path, measure: Callable[[], Figures]) -> Figures:
    """Return the figures in a file, measured and written if it is not there."""
    if not path.exists():
        figures = measure()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    document: Figures = json.loads(path.read_text(encoding="utf-8"))
    return document


def train_and_test(config: TrainingConfig, run: Path) -> Figures:
    """Train a run, unless it is finished, and test it.

    Returns:
        The metrics of the evaluation and under noise, on the test part; validation_accuracy, parameters, seconds (of
        training, from its start), and the backend that Keras trained on.
    """
    keras.utils.clear_session()
    print(run, flush=True)
    start = time.perf_counter()
    trained = train_variant(config, run)
    return {**_tested(trained), "seconds": round(time.perf_counter() - start, 1)}


def baseline_figures() -> Figures:
    """Train and test the linear baseline."""
    corpus = load_corpus(TrainingConfig())
    start = time.perf_counter()
    model = train_baseline(corpus.train)
    seconds = time.perf_counter() - start

    def accuracy(part: str) -> float:
        dataset = getattr(corpus, part)
        right = baseline_probabilities(model, dataset.texts).argmax(axis=1) == dataset.classes
        return float(right.mean())

    noised = accuracies_under_noise(corpus.test, lambda texts: baseline_probabilities(model, texts))
    return {
        "accuracy": accuracy("test"),
        "validation_accuracy": accuracy("validation"),
        **noised,
        "parameters": model["classifier"].coef_.size,
        "seconds": seconds,
    }


def _tested(trained: Trained) -> Figures:
    test, length, score = (
        load_corpus(trained.config).test,
        evaluation_length(trained.config),
        keras_scorer(trained.model),
    )
    rows = encode_rows(test, trained.encoder, length, keep_empty=True)
    return {
        **evaluate(score_rows(score, rows), rows).metrics,
        **accuracies_under_noise(test, text_scorer(score, trained.encoder, length, test.labels)),
        "validation_accuracy": best(trained.epochs, trained.config.choose_by).validation_accuracy,
        "parameters": trained.model.count_params(),
        "backend": keras.backend.backend(),
    }
