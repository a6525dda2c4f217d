"""A training run from its settings to a trained model: the steps, in order, on one screen."""

import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from model_store.encoder import ENCODERS, TextEncoder
from model_store.text import normalize
from training.config import TrainingConfig, read_config
from training.datasets import Corpus, Dataset, load_corpus, load_unlabelled, read_soft_labels
from training.encoders import build_encoder
from training.errors import ResumeError
from training.history import CHECKPOINT, Epoch, read_epochs
from training.rows import encode_rows
from training.trainer import BEST_WEIGHTS, fit
from training.variants import ModelSpec, build, find_variant
from training.vectors import train_vectors

CONFIG = "config.toml"


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model with what it was made from.

    Attributes:
        config: its settings.
        model: the Keras model, with the weights of the best epoch, free of GPU-only kernels.
        encoder: how text becomes its ids.
        epochs: what every epoch gave.
    """

    config: TrainingConfig
    model: keras.Model
    encoder: TextEncoder
    epochs: list[Epoch]


def train_variant(config: TrainingConfig, run: Path) -> Trained:
    """Train the variant that `config` names, keeping everything in the directory `run`.

    A run that was interrupted is continued. Choices (the epoch) are made on the validation part; the test part is
    not looked at.

    Raises:
        TrainingError: if the settings or the data cannot be used, or `run` belongs to other settings.
    """
    variant = find_variant(config.variant)
    _claim(run, config)
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    corpus = load_corpus(config)
    encoder = _encoder(run, config, corpus)
    train = encode_rows(_with_extra(corpus, config), encoder, config.length)
    validation = encode_rows(corpus.validation, encoder, evaluation_length(config), keep_empty=True)
    model = build(ModelSpec(config, encoder.size, len(corpus.train.labels)))
    if variant.word_vectors:
        vectors = train_vectors(encoder, load_unlabelled(config), config.embedding, config.seed)
        model.get_layer("embedding").set_weights([vectors])
    fit(model, train, validation, config, run)
    return load_run(run)


def load_run(run: Path) -> Trained:
    """Read a finished run from its directory.

    Raises:
        ResumeError: if it is not a run with at least one finished epoch.
    """
    if not (run / BEST_WEIGHTS).is_file():
        raise ResumeError(f"{run} holds no trained model; train with --run {run} first")
    config = read_config(run / CONFIG, {})
    encoder = ENCODERS[config.encoder].load(run / ENCODERS[config.encoder].filename)
    labels = json.loads((run / "labels.json").read_text(encoding="utf-8"))
    model = build(ModelSpec(config, encoder.size, len(labels), portable=True))
    model.load_weights(run / BEST_WEIGHTS)
    return Trained(config, model, encoder, read_epochs(run))


def evaluation_length(config: TrainingConfig) -> int:
    """Return how many ids of a text evaluation looks at: as many as serving, unless the settings say otherwise."""
    return config.evaluation_length or find_variant(config.variant).max_tokens(config)


def _claim(run: Path, config: TrainingConfig) -> None:
    """Make `run` the directory of these settings, unless one of other settings has got somewhere in it."""
    lines = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in config.to_dict().items())
    path = run / CONFIG
    try:
        run.mkdir(parents=True, exist_ok=True)
        if (run / CHECKPOINT).exists() and path.read_text(encoding="utf-8") != lines:
            raise ResumeError(f"{run} belongs to a run with other settings (see {path}); name another with --run")
        path.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise ResumeError(f"{run} cannot be the directory of a run: {error}") from error


def _encoder(run: Path, config: TrainingConfig, corpus: Corpus) -> TextEncoder:
    """Return the encoder of the run, learnt from the training part until the run has a checkpoint."""
    path = run / ENCODERS[config.encoder].filename
    if not (run / CHECKPOINT).exists():
        build_encoder(config.encoder, config.vocabulary, corpus.train.texts).save(run)
        (run / "labels.json").write_text(json.dumps(corpus.train.labels, ensure_ascii=False), encoding="utf-8")
    return ENCODERS[config.encoder].load(path)


def _with_extra(corpus: Corpus, config: TrainingConfig) -> Dataset:
    """Return the training part with the further texts, without those that stand in the other parts."""
    train = corpus.train
    if config.extra is None:
        return train
    extra = read_soft_labels(Path(config.extra), train.labels)
    kept_apart = {normalize(text) for part in (corpus.validation, corpus.test) for text in part.texts}
    extra = extra.take(np.flatnonzero([normalize(text) not in kept_apart for text in extra.texts]))
    return Dataset([*train.texts, *extra.texts], np.concatenate([train.targets, extra.targets]), train.labels)
