"""Fitting a model: epochs, choice of the best one, early stopping, checkpoints and resume, TensorBoard."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from training.allocation import keep_freed_memory
from training.backend import feed, tensorboard
from training.batches import Batches
from training.config import TrainingConfig
from training.errors import ResumeError
from training.history import CHECKPOINT, Epoch, best, epochs_to_json, read_epochs
from training.optimization import make_optimizer
from training.progress import TrainingProgress

BEST_WEIGHTS = "best.weights.h5"


class Task(Protocol):
    """What a model is fitted to."""

    @property
    def steps(self) -> int:
        """Batches of an epoch."""

    def compile(self, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Give the model its optimizer, loss and a metric called accuracy."""

    def batches(self, epoch: int) -> Batches:
        """Return the batches of an epoch, counted from 1; always the same ones."""

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Return validation_loss and validation_accuracy of the model as it stands."""


def fit(model: keras.Model, task: Task, config: TrainingConfig, run: Path) -> list[Epoch]:
    """Train `model` and leave it with the weights of the epoch that was best on validation.

    After every epoch the state is written to `run / CHECKPOINT`; a run that finds one there goes on from it and ends
    with the same weights as an uninterrupted one.

    Args:
        model: a model with fresh weights.
        task: what to learn.
        config: the settings.
        run: the directory of the run.

    Returns:
        All epochs, those of an interrupted run included.

    Raises:
        ResumeError: if the checkpoint does not fit the model.
    """
    keep_freed_memory()
    optimizer = make_optimizer(config, task.steps * config.epochs)
    task.compile(model, optimizer)
    optimizer.build(model.trainable_variables)
    epochs = _restore(model, run)
    with TrainingProgress(config.epochs, task.steps, len(epochs)) as progress, tensorboard(run) as log:
        for number in range(len(epochs) + 1, config.epochs + 1):
            if _out_of_patience(epochs, config):
                progress.say(f"no better epoch for {config.patience}; stopping")
                break
            figures = _one_epoch(model, task.batches(number), number, progress)
            with _averaged(model, config):
                epochs.append(Epoch(number=number, **figures, **task.validate(model)))
                if best(epochs, config.choose_by) is epochs[-1]:
                    _save_best(model, run)
            _save(model, run, epochs)
            log(epochs[-1])
            progress.say(_line(epochs[-1]))
    model.load_weights(run / BEST_WEIGHTS, objects_to_skip=[model.optimizer])
    return epochs


def _one_epoch(model: keras.Model, batches: Batches, number: int, progress: TrainingProgress) -> dict[str, float]:
    start = time.perf_counter()
    history = model.fit(
        feed(batches), initial_epoch=number - 1, epochs=number, shuffle=False, verbose=0, callbacks=[progress]
    ).history
    return {
        "loss": history["loss"][-1],
        "accuracy": history["accuracy"][-1],
        "seconds": time.perf_counter() - start,
    }


@contextmanager
def _averaged(model: keras.Model, config: TrainingConfig) -> Iterator[None]:
    """Give the model its averaged weights, if the settings ask for them, and afterwards those that it trains on."""
    if config.weight_average is None:
        yield
        return
    variables = model.trainable_variables
    trained = _copies(variables)
    model.optimizer.finalize_variable_values(variables)
    _assign(variables, _copies(variables))  # on JAX they would share the optimizer's memory, and scoring frees it
    yield
    _assign(variables, trained)


def _copies(variables: Sequence[Any]) -> list[NDArray[Any]]:
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[NDArray[Any]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}, "
        f"validation loss {epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}, "
        f"{epoch.seconds:.0f} s"
    )


def _out_of_patience(epochs: list[Epoch], config: TrainingConfig) -> bool:
    if not (config.patience and epochs):
        return False
    return epochs[-1].number - best(epochs, config.choose_by).number >= config.patience


def _save_best(model: keras.Model, run: Path) -> None:
    model.save_weights(run / f"new.{BEST_WEIGHTS}")
    (run / f"new.{BEST_WEIGHTS}").replace(run / BEST_WEIGHTS)


def _save(model: keras.Model, run: Path, epochs: list[Epoch]) -> None:
    """Replace the checkpoint, one file, as a whole: an interruption leaves the old one or the new one."""
    np.savez(run / f"new.{CHECKPOINT}", *_copies(_state(model)), epochs=np.array(epochs_to_json(epochs)))
    (run / f"new.{CHECKPOINT}").replace(run / CHECKPOINT)


def _state(model: keras.Model) -> list[Any]:
    """Return all that changes in training: weights, optimizer, and the random numbers that dropout goes on from.

    Keras' own weight files leave the last out, and a resumed run would then drop other units.
    """
    return [*model.variables, *model.optimizer.variables]


def _restore(model: keras.Model, run: Path) -> list[Epoch]:
    """Take weights and optimizer from the checkpoint of the run, if there is one; return the epochs done."""
    if not (run / CHECKPOINT).is_file():
        return []
    try:
        with np.load(run / CHECKPOINT) as stored:
            for variable, name in zip(_state(model), [name for name in stored.files if name != "epochs"], strict=True):
                variable.assign(stored[name])
        return read_epochs(run)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise ResumeError(f"the checkpoint in {run} does not fit this model: {error}") from error
