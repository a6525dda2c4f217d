"""Pre-training: the vectors and the first recurrent layer learn to foresee the next unit of unlabelled texts.

A language model of the training texts and the further reviews (Howard and Ruder 2018, arXiv:1801.06146; both
directions apart, as Peters et al. 2018, arXiv:1802.05365). A run of `train` that names this one by `pretrained` starts
from what it learnt.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.backend import feed, jit_compile, seed_everything
from training.batches import Batch, Batches
from training.config import TrainingConfig, read_config
from training.datasets import Corpus, Dataset, load_corpus, load_unlabelled, without_texts_of
from training.errors import ConfigError, ResumeError
from training.history import Epoch
from training.layers import AmongFoils
from training.restoring import keras_model
from training.rows import Rows, encode_rows
from training.runs import CONFIG, claim, run_encoder, stored_at
from training.trainer import BEST_WEIGHTS, fit
from training.variants import ModelSpec, find_variant, recurrent_layer

_VALIDATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class NextUnit:
    """Learn to foresee the next unit of a text; where a model reads backwards as well, the one before too.

    Attributes:
        train: the rows to learn from.
        validation: the rows to choose the epoch on.
        config: the settings.
    """

    train: Rows
    validation: Rows
    config: TrainingConfig

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.train) // self.config.batch_size)

    def compile(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Give the model its optimizer, the cross-entropy in nats per unit, and the share foreseen as a metric."""
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        model.compile(optimizer, loss, weighted_metrics=[accuracy], jit_compile=jit_compile())

    def batches(self, epoch: int) -> Batches:
        """Return the batches of an epoch, counted from 1: the inputs, the right answers, and which of them count."""
        order = np.random.default_rng((self.config.seed, epoch))
        return Batches(self.train, self.config.batch_size, order, self._finish)

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Return the loss per unit and the share of units foreseen on validation."""
        batches = Batches(self.validation, _VALIDATION_BATCH, np.random.default_rng(0), self._finish)
        figures = model.evaluate(feed(batches), verbose=0, return_dict=True)
        return {"validation_loss": figures["loss"], "validation_accuracy": figures["accuracy"]}

    def _finish(self, ids: NDArray[np.int32], _: NDArray[np.int64]) -> Batch:
        nothing = np.zeros_like(ids[:, :1])
        targets = [np.concatenate([ids[:, 1:], nothing], axis=1)]
        if _both_ways(self.config):
            targets.append(np.concatenate([nothing, ids[:, :-1]], axis=1) * (ids > 0))
        wanted = np.concatenate(targets, axis=1)
        # Keras divides by all places, padding too, so that the weights make up for those that do not count.
        weights = (wanted > 0).astype(np.float32)
        weights *= weights.size / max(1.0, float(weights.sum()))
        if self.config.foils:
            return (ids, wanted), np.zeros_like(wanted), weights
        return ids, wanted, weights


def pretrain(config: TrainingConfig, run: Path) -> list[Epoch]:
    """Train a language model with the vectors and the first layer of `config`, keeping everything in `run`.

    A run that was interrupted is continued. Texts of the validation and the test part are not learnt from.

    Raises:
        TrainingError: if the settings or the data cannot be used, or `run` belongs to other settings.
    """
    if find_variant(config.variant).cell is None:
        raise ConfigError(f"{config.variant} has no recurrent layer to pre-train")
    if config.ngrams:
        raise ConfigError("pre-training learns whole vectors: leave ngrams to `train`")
    claim(run, config)
    seed_everything(config.seed)
    corpus = load_corpus(config)
    encoder = run_encoder(run, config, corpus)
    train = encode_rows(_texts(corpus, config), encoder, config.length)
    validation = encode_rows(corpus.validation, encoder, config.length)
    model = language_model(ModelSpec(config, encoder.size, len(corpus.train.labels)))
    return fit(model, NextUnit(train, validation, config), config, run)


def language_model(spec: ModelSpec) -> keras.Model:
    """Build the model: ids int32 (batch, length) -> logits of all units (batch, length, ids), twice the length where it
    reads both ways. The vectors of the input are those of the output (Press and Wolf 2017, arXiv:1608.05859).

    With `foils` it is given the right units as well, int32 (batch, length), and the logits are those of the right one,
    first, and of so many others that stand in the batch (van den Oord et al. 2018, arXiv:1807.03748): a tenth of the
    work, where the units are many.
    """  # noqa: D205  the shapes belong to the first sentence
    config = spec.config
    ids = keras.Input((None,), dtype="int32", name="ids")
    table = keras.layers.ReversibleEmbedding(spec.vocabulary, config.embedding, mask_zero=True, name="embedding")
    x = table(ids)
    if config.spatial_dropout:
        x = keras.layers.SpatialDropout1D(config.spatial_dropout)(x)
    states = recurrent_layer(x, spec, 1, states=True)
    ways = [states[..., : config.units], states[..., config.units :]] if _both_ways(config) else [states]
    guesses = [keras.layers.Dense(config.embedding, name=f"guess_{way}")(each) for way, each in enumerate(ways)]
    guess = ops.concatenate(guesses, axis=1) if len(guesses) > 1 else guesses[0]
    name = f"{config.variant}_language_model"
    if config.foils is None:
        return keras.Model(ids, table(guess, reverse=True), name=name)
    wanted = keras.Input((None,), dtype="int32", name="wanted")
    return keras.Model([ids, wanted], AmongFoils(config.foils)(guess, wanted, table(wanted)), name=name)


def start_from(pretrained: Path, model: keras.Model, spec: ModelSpec) -> None:
    """Give `model` the vectors and the first recurrent layer of another; n-grams begin with zero.

    Args:
        pretrained: a run of `pretrain`, or a published version.
        model: that is to learn.
        spec: what it was built from.

    Raises:
        ResumeError: if it is neither.
        ConfigError: if its layers have other shapes.
        StoreError: if the version is not as it was published.
    """
    learnt = _learnt(pretrained, spec)
    for name in ("embedding", "recurrent_1"):
        try:
            ours, theirs = model.get_layer(name), learnt.get_layer(name)
            known = theirs.get_weights()
            ours.set_weights([*known, *(np.zeros_like(weight) for weight in ours.get_weights()[len(known) :])])
        except ValueError as error:
            raise ConfigError(f"{name} of {pretrained} does not fit: it needs the same settings") from error


def _learnt(pretrained: Path, spec: ModelSpec) -> keras.Model:
    if stored := stored_at(pretrained):
        return keras_model(stored)
    if not (pretrained / BEST_WEIGHTS).is_file():
        raise ResumeError(f"{pretrained} holds no pre-trained model; `pretrain --run {pretrained}` makes one")
    learnt = language_model(replace(spec, config=read_config(pretrained / CONFIG, {})))
    learnt.load_weights(pretrained / BEST_WEIGHTS)
    return learnt


def _both_ways(config: TrainingConfig) -> bool:
    return (config.direction or find_variant(config.variant).direction) == "bidirectional"


def _texts(corpus: Corpus, config: TrainingConfig) -> Dataset:
    further = load_unlabelled(config)
    none = np.zeros((len(further), len(corpus.train.labels)), dtype=np.float32)
    kept = without_texts_of(Dataset(further, none, corpus.train.labels), corpus.validation, corpus.test)
    return Dataset(
        [*corpus.train.texts, *kept.texts], np.concatenate([corpus.train.targets, kept.targets]), kept.labels
    )
