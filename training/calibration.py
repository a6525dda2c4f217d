"""Calibration: probabilities that mean what they say, and the answers that a model would rather not give.

Both are chosen on the validation part, from the probabilities of the model that is published, and change no label.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model_store.manifest import Calibration
from training.config import CERTAIN_ACCURACY
from training.evaluation import Evaluation, evaluate
from training.rows import Rows

ENOUGH_ROWS = 200
"""With fewer rows nothing is chosen: they say too little."""

LEAST_COVERAGE = 0.1
"""A bound that leaves fewer answers than this share is of no use, and not set."""

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
"""Shares of the texts, those with the highest probabilities, of which the accuracy is told."""

Probabilities = NDArray[np.float32]

_TEMPERATURES = (0.1, 10.0)
_HALVINGS = 50
_STEP = 0.001
_DEVIATIONS = 1.645
"""Of a normal distribution, leaving 5 percent on one side."""

_LEAST = 1e-12
"""Taken for a probability of zero, which has no logarithm."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The texts with the highest probabilities: their share, how many of them were right, the lowest probability."""

    coverage: float
    accuracy: float
    probability: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A model after it was calibrated, on one part of the data.

    Attributes:
        settings: what was chosen, and its figures, as the manifest keeps them.
        evaluation: the model on the part.
        before: the same model without its temperature, on the same part.
        curve: accuracy by coverage on the part, for each of `COVERAGES`.
    """

    settings: Calibration
    evaluation: Evaluation
    before: Evaluation
    curve: list[Covered]


def fit_temperature(probabilities: Probabilities, classes: NDArray[np.int64]) -> float:
    """Return the temperature that makes the log loss least (Guo et al. 2017, arXiv:1706.04599, section 4.2).

    The loss is convex in the inverse of the temperature, and its slope there is the difference of two means: that of
    the logit that the softened probabilities expect, and that of the logit of the true class. Halving finds its root.

    Args:
        probabilities: (n, labels), of the model as it was trained.
        classes: the true ones (n,).

    Returns:
        0.1 to 10, above 1 if the model is too sure of itself; 1 with fewer than `ENOUGH_ROWS` rows.
    """
    if len(classes) < ENOUGH_ROWS:
        return 1.0
    logits = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    reached = logits[np.arange(len(classes)), classes].mean()
    low, high = np.log(_TEMPERATURES)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = (_softmax(logits / np.exp(middle)) * logits).sum(axis=1).mean()
        low, high = (middle, high) if expected > reached else (low, middle)
    return float(np.exp((low + high) / 2))


def softened(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return the probabilities (n, labels) that a model gives whose logits are divided by `temperature`."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    return _softmax(logits / temperature).astype(np.float32)


def find_certain(probabilities: Probabilities, classes: NDArray[np.int64], accuracy: float) -> float | None:
    """Return the lowest bound of the highest probability from which on answers are accurate enough.

    Accurate enough: the lower end of a one-sided 95% interval (Wilson 1927) of their accuracy is not below `accuracy`,
    so that it is likely to hold on other texts too.

    Returns:
        0 to 1 in steps of 0.001; 0 if all answers are accurate enough; None if no bound leaves `LEAST_COVERAGE` of
        them, or there are fewer than `ENOUGH_ROWS`.
    """
    if len(classes) < ENOUGH_ROWS:
        return None
    confidence = probabilities.max(axis=1)
    order = np.argsort(confidence, kind="stable")
    right = (probabilities.argmax(axis=1) == classes)[order]
    bounds = np.arange(0.0, 1.0, _STEP).round(3)
    left_out = np.searchsorted(confidence[order], bounds)
    rows = len(classes) - left_out
    rights = np.concatenate([right[::-1].cumsum()[::-1], [0]])[left_out]
    enough = (rows >= LEAST_COVERAGE * len(classes)) & (_lower_end(rights, np.maximum(rows, 1)) >= accuracy)
    return float(bounds[enough.argmax()]) if enough.any() else None


def risk_coverage(probabilities: Probabilities, classes: NDArray[np.int64]) -> list[Covered]:
    """Return the accuracy of the texts that a model is most certain of, by their share (El-Yaniv and Wiener 2010)."""
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (probabilities.argmax(axis=1) == classes)[order]
    counts = [max(1, round(share * len(classes))) for share in COVERAGES]
    return [
        Covered(count / len(classes), float(right[:count].mean()), float(confidence[order][count - 1]))
        for count in counts
    ]


def calibrated_on(part: str, probabilities: Probabilities, rows: Rows, settings: Calibration) -> Calibrated:
    """Describe a calibrated model on one part of the data.

    Args:
        part: its name, with which its figures begin.
        probabilities: (n, labels) of the calibrated model.
        rows: of the part.
        settings: what was chosen; its figures are kept, and those of the part are added.
    """
    after, before = evaluate(probabilities, rows), evaluate(softened(probabilities, 1 / settings.temperature), rows)
    certain = probabilities.max(axis=1).astype(np.float64) >= (settings.certain_from or 0.0)
    right = probabilities.argmax(axis=1) == rows.targets.argmax(axis=1)
    figures = dict(settings.figures)
    for name in ("ece", "brier", "log_loss"):
        figures[f"{part}_{name}_before"] = before.metrics[name]
        figures[f"{part}_{name}"] = after.metrics[name]
    if settings.certain_from is not None:
        figures[f"{part}_certain_coverage"] = float(certain.mean())
        figures[f"{part}_certain_accuracy"] = float(right[certain].mean()) if certain.any() else 0.0
    settings = replace(settings, figures=figures)
    return Calibrated(settings, after, before, risk_coverage(probabilities, rows.targets.argmax(axis=1)))


def choose(probabilities: Probabilities, rows: Rows, accuracy: float = CERTAIN_ACCURACY) -> Calibrated:
    """Choose temperature and bound.

    Args:
        probabilities: (n, labels) of the model as it was trained, on the validation part.
        rows: of that part.
        accuracy: what the answers are to reach that it calls certain, 0 to 1.

    Returns:
        The model with both, on the validation part.
    """
    classes = rows.targets.argmax(axis=1)
    temperature = fit_temperature(probabilities, classes)
    probabilities = softened(probabilities, temperature)
    settings = Calibration(temperature, find_certain(probabilities, classes, accuracy), accuracy, {})
    return calibrated_on("validation", probabilities, rows, settings)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _lower_end(rights: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    share, spread = rights / rows, _DEVIATIONS**2 / rows
    middle = share + spread / 2
    end: NDArray[np.float64] = (middle - np.sqrt(spread * (share * (1 - share) + spread / 4))) / (1 + spread)
    return end
