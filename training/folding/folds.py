"""Trains and tests fold by fold what is not finished, and the linear baseline beside it on the same texts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from training.backend import keras_scorer
from training.config import TrainingConfig, read_config
from training.datasets import Corpus, load_corpus
from training.errors import ConfigError, ResumeError
from training.labelling import Labelling, label_further
from training.linear import CharacterCounts, fit_linear
from training.recipe import evaluation_length, train_variant
from training.rows import encode_rows
from training.runs import CONFIG, read_settings
from training.scoring import score_rows

OUTCOME = "fold.json"

_SOFT_LABELS = "soft_labels.tsv"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the predictions for a fold: accuracy, and F1 averaged over the classes, each weighing the same."""

    accuracy: float
    macro_f1: float


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What one fold gave.

    Attributes:
        fold: such as `2/5`.
        texts: of the fold.
        model: what the trained model gave on it.
        baseline: what the linear baseline gave.
    """

    fold: str
    texts: int
    model: Figures
    baseline: Figures


def run_folds(config: TrainingConfig, folds: int, runs: Path, how: Labelling | None = None) -> list[FoldResult]:
    """Train and test once for each fold, each in its own directory below `runs`; finished ones are read.

    Args:
        config: the settings of all runs.
        folds: how many.
        runs: where their directories are.
        how: what linear teachers label, who learn anew in each fold from the rows that the model learns from; by
            default, there are none.

    Raises:
        ConfigError: if there are fewer than two folds, the data has an official test part, or the settings name what
            has learnt from a test fold.
        TrainingError: if the data cannot be used, or a directory belongs to other settings.
    """
    if folds < 2:
        raise ConfigError(f"there must be 2 folds or more, found {folds}")
    if how:
        config = replace(config, extra=None)
    _refuse_what_knows_all_folds(config)
    results = []
    for number in range(1, folds + 1):
        run = runs / f"fold-{number}-of-{folds}"
        extra = str(run / _SOFT_LABELS) if how else None
        own = replace(config, fold=f"{number}/{folds}", extra=extra)
        found = _finished(run, own)
        print(f"fold {number} of {folds} {'is there' if found else 'trains'}", flush=True)
        if how and extra and not found:
            _teach(own, how, Path(extra))
        results.append(found or _run_fold(own, run))
    return results


def figures(probabilities: NDArray[np.floating], classes: NDArray[np.int64]) -> Figures:
    """Compare probabilities (n, labels) with classes (n,)."""
    given = probabilities.argmax(axis=1)
    return Figures(float((given == classes).mean()), float(f1_score(classes, given, average="macro")))


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of the sample, of two values or more."""
    return float(np.mean(values)), float(np.std(values, ddof=1))


def _refuse_what_knows_all_folds(config: TrainingConfig) -> None:
    """Refuse soft labels and other runs that learnt from this very data: a fold would be tested on what they know."""
    if config.extra:
        raise ConfigError("extra cannot be used over folds: its teachers may have learnt from the folds tested on")
    for name in ("pretrained", "encoder_from"):
        source = getattr(config, name)
        if source and read_settings(Path(source)).dataset == config.dataset:
            raise ConfigError(f"{name} cannot be used over folds: {source} learnt from folds that are tested on")


def _teach(config: TrainingConfig, how: Labelling, out: Path) -> None:
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        label_further(replace(config, extra=None), how, out)


def _finished(run: Path, config: TrainingConfig) -> FoldResult | None:
    """Return what a fold gave that was finished before with these settings."""
    try:
        document = json.loads((run / OUTCOME).read_text(encoding="utf-8"))
    except OSError:
        return None
    if read_config(run / CONFIG, {}) != config:
        raise ResumeError(f"{run} holds a run with other settings; name another directory with --runs")
    model, baseline = (Figures(**document.pop(name)) for name in ("model", "baseline"))
    return FoldResult(**document, model=model, baseline=baseline)


def _run_fold(config: TrainingConfig, run: Path) -> FoldResult:
    keras.utils.clear_session()
    corpus = load_corpus(config)
    trained = train_variant(config, run)
    rows = encode_rows(corpus.test, trained.encoder, evaluation_length(config), keep_empty=True)
    given = score_rows(keras_scorer(trained.model), rows)
    result = FoldResult(
        fold=str(config.fold),
        texts=len(corpus.test),
        model=figures(given, corpus.test.classes),
        baseline=figures(_baseline(corpus), corpus.test.classes),
    )
    fresh = run / f"new.{OUTCOME}"
    fresh.write_text(json.dumps(asdict(result), ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(run / OUTCOME)
    return result


def _baseline(corpus: Corpus) -> NDArray[np.float64]:
    """Return the probabilities of the baseline for the test part; it chooses nothing, and so learns from all else."""
    texts = [*corpus.train.texts, *corpus.validation.texts]
    classes = np.concatenate([corpus.train.classes, corpus.validation.classes])
    counts = CharacterCounts.of_few(texts)
    judge = fit_linear("linear", counts.count(texts), classes, len(corpus.train.labels))
    return judge(counts.count(corpus.test.texts))
