"""The task of a classifier: texts and their classes, as `training.trainer.fit` asks for them."""

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from training.backend import jit_compile, keras_scorer
from training.batches import Batch, Batches
from training.config import TrainingConfig
from training.epochs import EpochRows
from training.optimization import make_loss
from training.rows import Rows
from training.scoring import score_rows
from training.variants import padded_lengths


@dataclass(frozen=True, slots=True)
class Classification:
    """Learn the classes of texts.

    Attributes:
        train: the rows to learn from.
        validation: the rows to choose the epoch on.
        config: the settings.
    """

    train: EpochRows
    validation: Rows
    config: TrainingConfig

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.train) // self.config.batch_size)

    def compile(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Give the model its optimizer, the loss of the settings, and the share of right answers as a metric."""
        accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
        model.compile(optimizer, make_loss(self.config), metrics=[accuracy], jit_compile=jit_compile())

    def batches(self, epoch: int) -> Batches:
        """Return the batches of an epoch, counted from 1: ids and targets (batch, labels)."""
        rows = self.train.of(epoch)

        def with_targets(ids: NDArray[np.int32], indices: NDArray[np.int64]) -> Batch:
            return ids, rows.targets[indices]

        order = np.random.default_rng((self.config.seed, epoch))
        return Batches(rows, self.config.batch_size, order, with_targets, padded_lengths(self.config))

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Return the log loss and the share of right answers on validation."""
        probabilities = score_rows(keras_scorer(model), self.validation)
        classes = self.validation.targets.argmax(axis=1)
        right = probabilities[np.arange(len(classes)), classes]
        return {
            "validation_loss": float(-np.log(np.maximum(right, 1e-7)).mean()),
            "validation_accuracy": float((probabilities.argmax(axis=1) == classes).mean()),
        }
