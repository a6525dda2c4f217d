"""How good a model is on given rows: figures, calibration, slices by length and by share of unknown units."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from training.rows import Rows

CALIBRATION_BINS = 15
LENGTH_BOUNDS = (5, 10, 20, 40, 64)
UNKNOWN_BOUNDS = (0.0, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Slice:
    """Accuracy on the rows of one kind; `high` is the upper bound of the kind, None for the last."""

    high: float | None
    rows: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose highest probability lies in one stretch: its mean, and how often it was right."""

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model gave on n rows.

    Attributes:
        metrics: accuracy, f1 (macro average), roc_auc (one class against the rest; absent where only one occurs),
            log_loss (nats), brier (sum over the classes, 0 to 2), ece (expected calibration error, 0 to 1) and
            ece_equal_mass (the same, with bins of equally many rows).
        confusion: rows of true, columns of given classes.
        reliability: bins of equal width of the highest probability, empty ones left out.
        by_length: slices by number of units.
        by_unknown: slices by share of unknown units.
    """

    rows: int
    metrics: dict[str, float]
    confusion: list[list[int]]
    reliability: list[Bin]
    by_length: list[Slice]
    by_unknown: list[Slice]


def evaluate(probabilities: NDArray[np.float32], rows: Rows) -> Evaluation:
    """Compare probabilities float32 (n, labels) with the classes of n rows."""
    classes = rows.targets.argmax(axis=1)
    right = probabilities.argmax(axis=1) == classes
    confidence = probabilities.max(axis=1)
    reliability = calibration_bins(confidence, right)
    given = probabilities.argmax(axis=1)
    return Evaluation(
        rows=len(rows),
        metrics={
            "accuracy": float(right.mean()),
            "f1": float(metrics.f1_score(classes, given, average="macro")),
            **_roc_auc(probabilities, classes),
            "log_loss": float(-np.log(np.maximum(probabilities[np.arange(len(rows)), classes], 1e-15)).mean()),
            "brier": float(((probabilities - np.eye(rows.targets.shape[1])[classes]) ** 2).sum(axis=1).mean()),
            "ece": _calibration_error(reliability),
            "ece_equal_mass": _calibration_error(equal_bins(confidence, right)),
        },
        confusion=metrics.confusion_matrix(classes, given, labels=range(rows.targets.shape[1])).tolist(),
        reliability=reliability,
        by_length=_slices(rows.lengths, LENGTH_BOUNDS, right),
        by_unknown=_slices(rows.unknown, UNKNOWN_BOUNDS, right),
    )


def calibration_bins(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> list[Bin]:
    """Sort rows into `CALIBRATION_BINS` stretches of equal width (Guo et al. 2017, arXiv:1706.04599, section 2)."""
    number = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return _bins(number, confidence, right)


def equal_bins(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> list[Bin]:
    """Sort rows into `CALIBRATION_BINS` stretches with equally many of them (Nguyen and O'Connor 2015)."""
    rank = np.argsort(np.argsort(confidence, kind="stable"), kind="stable")
    return _bins(rank * CALIBRATION_BINS // len(rank), confidence, right)


def _bins(number: NDArray[np.int64], confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> list[Bin]:
    """Describe the rows of each number; numbers without rows are left out."""
    chosen = [number == each for each in np.unique(number)]
    return [Bin(int(rows.sum()), float(confidence[rows].mean()), float(right[rows].mean())) for rows in chosen]


def _calibration_error(bins: Sequence[Bin]) -> float:
    total = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.accuracy - each.confidence) for each in bins) / total


def _roc_auc(probabilities: NDArray[np.float32], classes: NDArray[np.int64]) -> dict[str, float]:
    """Return the area under the ROC curve, one class against the rest, averaged over the classes that occur.

    Without at least two classes in the rows there is no such figure, and none is given.
    """
    present = np.unique(classes)
    if len(present) < 2:
        return {}
    areas = [metrics.roc_auc_score(classes == each, probabilities[:, each]) for each in present]
    return {"roc_auc": float(np.mean(areas))}


def _slices(
    values: NDArray[np.float64] | NDArray[np.int64], bounds: Sequence[float], right: NDArray[np.bool_]
) -> list[Slice]:
    """Cut at `bounds`, each the highest value of its slice; slices without rows are left out."""
    number = np.searchsorted(bounds, values)
    highs = [*bounds, None]
    return [
        Slice(high, int((number == each).sum()), float(right[number == each].mean()))
        for each, high in enumerate(highs)
        if (number == each).any()
    ]
