"""Optimizers, learning-rate schedules and losses, by their names in the settings."""

from collections.abc import Callable
from typing import Any

import keras

from training.config import TrainingConfig


def make_optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer of the settings, with their course of the learning rate over `steps` batches."""
    return _OPTIMIZERS[config.optimizer](
        learning_rate=_SCHEDULES[config.schedule](config.learning_rate, steps),
        global_clipnorm=config.clip_norm,
        use_ema=config.weight_average is not None,
        ema_momentum=config.weight_average or 0.0,
    )


def make_loss(config: TrainingConfig) -> keras.losses.Loss:
    """Return the loss of the settings, for targets and probabilities (batch, labels)."""
    if config.loss == "crossentropy":
        return keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    return _LOSSES[config.loss]()


def _one_cycle(rate: float, steps: int) -> Any:
    """Rise for the first tenth of the steps, then fall along a cosine (Smith and Topin 2017, arXiv:1708.07120)."""
    rise = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        rate / 25, max(1, steps - rise), warmup_target=rate, warmup_steps=rise, alpha=0.0
    )


_SCHEDULES: dict[str, Callable[[float, int], Any]] = {
    "constant": lambda rate, _: rate,
    "cosine": keras.optimizers.schedules.CosineDecay,
    "exponential": lambda rate, steps: keras.optimizers.schedules.ExponentialDecay(rate, steps, 0.01),
    "one_cycle": _one_cycle,
}
_OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "adadelta": keras.optimizers.Adadelta,
    "adagrad": keras.optimizers.Adagrad,
    "adamax": keras.optimizers.Adamax,
    "adafactor": keras.optimizers.Adafactor,
    "nadam": keras.optimizers.Nadam,
    "ftrl": keras.optimizers.Ftrl,
}
# The models give both probabilities of two classes, so the categorical cross-entropy is the binary one as well.
_LOSSES: dict[str, Callable[[], keras.losses.Loss]] = {
    "crossentropy": keras.losses.CategoricalCrossentropy,
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "mape": keras.losses.MeanAbsolutePercentageError,
    "msle": keras.losses.MeanSquaredLogarithmicError,
    "cosine": keras.losses.CosineSimilarity,
    "huber": keras.losses.Huber,
    "log_cosh": keras.losses.LogCosh,
}
