"""What a trained model is worth: its report on the validation or the test part, and its publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_store.golden import pad
from model_store.layout import VersionRef
from training.backend import keras_scorer
from training.behaviour import LABELS, run_suite
from training.calibration import Calibrated, calibrated_on, choose
from training.cases import read_suite
from training.config import CERTAIN_ACCURACY, TrainingConfig
from training.datasets import Corpus, Dataset, data_directory, load_corpus
from training.exporter import GOLDEN_TEXTS, Publication, publish_model
from training.memory import memory_curve
from training.recipe import Trained, evaluation_length, load_run
from training.report import Report
from training.robustness import Robustness, accuracies_by_stars, accuracies_under_noise
from training.rows import Rows, encode_rows
from training.scoring import TextScorer, score_rows, text_scorer
from training.variants import divide_logits, find_variant

PARTS = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Assessed:
    """A calibrated model with its data, the rows of one part as it sees them, and its report on that part."""

    trained: Trained
    corpus: Corpus
    rows: Rows
    report: Report


def assess(run: Path, part: str, name: str, certain_accuracy: float = CERTAIN_ACCURACY) -> Assessed:
    """Calibrate a finished run on the validation part, and evaluate it.

    Args:
        run: its directory.
        part: one of `PARTS`; the test part is for the final figure only.
        name: what the report shall call it.
        certain_accuracy: what the answers are to reach that the model calls certain, 0 to 1.
    """
    trained = load_run(run)
    corpus = load_corpus(trained.config)
    dataset: Dataset = getattr(corpus, part)
    rows, calibrated = _calibrate(trained, corpus, part, certain_accuracy)
    score_texts = text_scorer(
        keras_scorer(trained.model), trained.encoder, evaluation_length(trained.config), dataset.labels
    )
    recurrent = find_variant(trained.config.variant).cell is not None
    report = Report(
        name=name,
        config=trained.config,
        labels=corpus.train.labels,
        epochs=trained.epochs,
        evaluation=calibrated.evaluation,
        part=f"{trained.config.dataset}, {part} part",
        memory=memory_curve(trained.model, rows) if recurrent else [],
        cost={
            "parameters": trained.model.count_params(),
            "training_seconds": round(sum(epoch.seconds for epoch in trained.epochs), 1),
            "weights_bytes": 4 * trained.model.count_params(),
        },
        examples=_examples(trained),
        calibrated=calibrated,
        robustness=_robustness(trained.config, dataset, score_texts),
        behaviour=run_suite(read_suite(), score_texts, dataset.labels) if set(dataset.labels) == set(LABELS) else None,
    )
    return Assessed(trained, corpus, rows, report)


def publish_run(run: Path, name: str, store: Path, certain_accuracy: float = CERTAIN_ACCURACY) -> VersionRef:
    """Calibrate a finished run, evaluate it on the test part and make it the next version of `name`."""
    assessed = assess(run, "test", name, certain_accuracy)
    trained, corpus = assessed.trained, assessed.corpus
    limit = find_variant(trained.config.variant).max_tokens(trained.config)
    agreement_rows = encode_rows(corpus.validation, trained.encoder, limit, keep_empty=True)
    return publish_model(Publication(name, trained, corpus, agreement_rows, assessed.report), store)


def _calibrate(trained: Trained, corpus: Corpus, part: str, accuracy: float) -> tuple[Rows, Calibrated]:
    """Choose the temperature and put it into the model; return the rows of the part, and the model on them."""

    def rows_of(dataset: Dataset) -> Rows:
        return encode_rows(dataset, trained.encoder, evaluation_length(trained.config), keep_empty=True)

    rows = rows_of(corpus.validation)
    chosen = choose(score_rows(keras_scorer(trained.model), rows), rows, accuracy)
    divide_logits(trained.model, chosen.settings.temperature)
    if part == "validation":
        return rows, chosen
    rows = rows_of(getattr(corpus, part))
    return rows, calibrated_on(part, score_rows(keras_scorer(trained.model), rows), rows, chosen.settings)


def _robustness(config: TrainingConfig, dataset: Dataset, score: TextScorer) -> Robustness:
    """Return how a model does under noise and, where it is one of reviews, by their stars."""
    stars = accuracies_by_stars(data_directory(config), score, dataset.labels) if config.dataset == "nsmc" else []
    return Robustness(accuracies_under_noise(dataset, score), stars)


def _examples(trained: Trained) -> Sequence[tuple[str, float]]:
    """Return the first golden texts with the probability of the last class."""
    texts = GOLDEN_TEXTS.read_text(encoding="utf-8").splitlines()[:16]
    ids = [trained.encoder.encode(text, evaluation_length(trained.config)).ids for text in texts]
    probabilities = keras_scorer(trained.model)(pad(ids))
    return [(text, float(row[-1])) for text, row in zip(texts, probabilities, strict=True)]
