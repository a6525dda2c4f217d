"""Fitting a model: epochs, choice of the best one, early stopping, checkpoints and resume, TensorBoard."""

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf

from model_store.golden import Scorer
from training.batches import training_batches
from training.config import TrainingConfig
from training.errors import ResumeError
from training.history import CHECKPOINT, Epoch, best, epochs_to_json, read_epochs
from training.optimization import compile_model
from training.progress import TrainingProgress
from training.rows import Rows
from training.scoring import keras_scorer, score_rows

BEST_WEIGHTS = "best.weights.h5"


def fit(model: keras.Model, train: Rows, validation: Rows, config: TrainingConfig, run: Path) -> list[Epoch]:
    """Train `model` and leave it with the weights of the epoch that was best on validation.

    After every epoch the state is written to `run / CHECKPOINT`; a run that finds one there goes on from it and ends
    with the same weights as an uninterrupted one.

    Args:
        model: a model from `training.variants.build`, with fresh weights.
        train: rows to learn from.
        validation: rows to choose the epoch on.
        config: the settings.
        run: the directory of the run.

    Returns:
        All epochs, those of an interrupted run included.

    Raises:
        ResumeError: if the checkpoint does not fit the model.
    """
    batches = math.ceil(len(train) / config.batch_size)
    compile_model(model, config, batches * config.epochs)
    epochs = _restore(model, run)
    score = keras_scorer(model)
    with TrainingProgress(config.epochs, batches, len(epochs)) as progress, _tensorboard(run):
        for number in range(len(epochs) + 1, config.epochs + 1):
            if _out_of_patience(epochs, config.patience):
                progress.say(f"no better epoch for {config.patience}; stopping")
                break
            figures = _one_epoch(model, train, number, config, progress)
            epochs.append(Epoch(number=number, **figures, **_validated(score, validation)))
            _save(model, run, epochs)
            _log(epochs[-1])
            progress.say(_line(epochs[-1]))
    model.load_weights(run / BEST_WEIGHTS, objects_to_skip=[model.optimizer])
    return epochs


def _one_epoch(
    model: keras.Model, train: Rows, number: int, config: TrainingConfig, progress: TrainingProgress
) -> dict[str, float]:
    start = time.perf_counter()
    history = model.fit(
        training_batches(train, config.batch_size, seed=(config.seed, number)),
        initial_epoch=number - 1,
        epochs=number,
        shuffle=False,
        verbose=0,
        callbacks=[progress],
    ).history
    return {
        "loss": history["loss"][-1],
        "accuracy": history["accuracy"][-1],
        "seconds": time.perf_counter() - start,
    }


def _validated(score: Scorer, validation: Rows) -> dict[str, float]:
    probabilities = score_rows(score, validation)
    classes = validation.targets.argmax(axis=1)
    right = probabilities[np.arange(len(classes)), classes]
    return {
        "validation_loss": float(-np.log(np.maximum(right, 1e-7)).mean()),
        "validation_accuracy": float((probabilities.argmax(axis=1) == classes).mean()),
    }


def _line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}, "
        f"validation loss {epoch.validation_loss:.4f}, accuracy {epoch.validation_accuracy:.4f}, "
        f"{epoch.seconds:.0f} s"
    )


def _out_of_patience(epochs: list[Epoch], patience: int | None) -> bool:
    return bool(patience and epochs and epochs[-1].number - best(epochs).number >= patience)


def _save(model: keras.Model, run: Path, epochs: list[Epoch]) -> None:
    """Replace the checkpoint, one file, as a whole: an interruption leaves the old one or the new one."""
    if best(epochs) is epochs[-1]:
        model.save_weights(run / f"new.{BEST_WEIGHTS}")
        (run / f"new.{BEST_WEIGHTS}").replace(run / BEST_WEIGHTS)
    variables = [np.asarray(variable) for variable in _state(model)]
    np.savez(run / f"new.{CHECKPOINT}", *variables, epochs=np.array(epochs_to_json(epochs)))
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


def _tensorboard(run: Path) -> Any:
    return tf.summary.create_file_writer(str(run / "tensorboard")).as_default()


def _log(epoch: Epoch) -> None:
    for name, value in asdict(epoch).items():
        if name != "number":
            tf.summary.scalar(name, value, step=epoch.number)
