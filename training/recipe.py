"""A training run from its settings to a trained model: the steps, in order, on one screen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model_store.encoder import TextEncoder
from training.backend import seed_everything
from training.classification import Classification
from training.config import TrainingConfig, read_config
from training.datasets import Corpus, Dataset, load_corpus, load_unlabelled, read_soft_labels, without_texts_of
from training.epochs import EpochRows
from training.errors import ConfigError, ResumeError
from training.history import Epoch, read_epochs
from training.ngrams import fold, shared_ngrams
from training.phrases import made_phrases
from training.pretraining import start_from
from training.provenance import note_origin, read_run_origin
from training.rows import encode_rows
from training.runs import CONFIG, LABELS, claim, read_encoder, run_encoder
from training.trainer import BEST_WEIGHTS, fit
from training.variants import ModelSpec, build, find_variant
from training.vectors import train_vectors


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model with what it was made from.

    Attributes:
        config: its settings.
        model: the Keras model, with the weights of the best epoch, free of GPU-only kernels.
        encoder: how text becomes its ids.
        epochs: what every epoch gave.
        origin: what it learnt from: the track, and where its soft labels are from.
    """

    config: TrainingConfig
    model: keras.Model
    encoder: TextEncoder
    epochs: list[Epoch]
    origin: Mapping[str, Any]


def train_variant(config: TrainingConfig, run: Path) -> Trained:
    """Train the variant that `config` names, keeping everything in the directory `run`.

    A run that was interrupted is continued. Choices (the epoch) are made on the validation part; the test part is
    not looked at.

    Raises:
        TrainingError: if the settings or the data cannot be used, or `run` belongs to other settings.
    """
    claim(run, config)
    note_origin(run, config)
    seed_everything(config.seed)
    corpus = load_corpus(config)
    encoder = run_encoder(run, config, corpus)
    train = EpochRows(_with_extra(corpus, config), encoder, config)
    validation = encode_rows(corpus.validation, encoder, evaluation_length(config), keep_empty=True)
    spec = _learning(ModelSpec(config, encoder.size, len(corpus.train.labels)), encoder)
    model = build(spec)
    _warm_up(model, spec, encoder)
    fit(model, Classification(train, validation, config), config, run)
    return load_run(run)


def load_run(run: Path) -> Trained:
    """Read a finished run from its directory.

    Raises:
        ResumeError: if it is not a run with at least one finished epoch.
    """
    if not (run / BEST_WEIGHTS).is_file():
        raise ResumeError(f"{run} holds no trained model; train with --run {run} first")
    config = read_config(run / CONFIG, {})
    encoder = read_encoder(run)
    labels = json.loads((run / LABELS).read_text(encoding="utf-8"))
    spec = ModelSpec(config, encoder.size, len(labels), portable=True)
    model = build(spec)
    if config.ngrams:
        learnt = build(_learning(spec, encoder))
        learnt.load_weights(run / BEST_WEIGHTS)
        fold(learnt, model)
    else:
        model.load_weights(run / BEST_WEIGHTS)
    return Trained(config, model, encoder, read_epochs(run), read_run_origin(run))


def _learning(spec: ModelSpec, encoder: TextEncoder) -> ModelSpec:
    """Return what the model in training is built from: with the n-grams that the settings ask for."""
    longest = spec.config.ngrams
    if longest and find_variant(spec.config.variant).word_vectors:
        raise ConfigError(f"the vectors of {spec.config.variant} do not learn: leave ngrams out")
    return replace(spec, ngrams=shared_ngrams(encoder, longest)) if longest else spec


def _warm_up(model: keras.Model, spec: ModelSpec, encoder: TextEncoder) -> None:
    """Give the model what the settings say that it knows beforehand."""
    config = spec.config
    if config.pretrained:
        start_from(Path(config.pretrained), model, spec)
    if find_variant(config.variant).word_vectors:
        vectors = train_vectors(encoder, load_unlabelled(config), config.embedding, config.seed)
        model.get_layer("embedding").set_weights([vectors])


def evaluation_length(config: TrainingConfig) -> int:
    """Return how many ids of a text evaluation looks at: as many as serving, unless the settings say otherwise."""
    return config.evaluation_length or find_variant(config.variant).max_tokens(config)


def _with_extra(corpus: Corpus, config: TrainingConfig) -> Dataset:
    """Return the training part with the further texts and phrases, without those that stand in the other parts."""
    labels = corpus.train.labels
    extra = [read_soft_labels(Path(config.extra), labels)] if config.extra else []
    if config.phrases:
        extra.append(made_phrases(config.phrases, labels, config.seed))
    parts = [corpus.train, *(without_texts_of(each, corpus.validation, corpus.test) for each in extra)]
    texts = [text for part in parts for text in part.texts]
    return Dataset(texts, np.concatenate([part.targets for part in parts]), labels)
