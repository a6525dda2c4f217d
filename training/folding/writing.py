"""Writes what the folds gave: folds.md for people, folds.json for programs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from training.folding.folds import FoldResult, mean_and_deviation
from training.report import table

REPORT, FIGURES = "folds.md", "folds.json"

COLUMNS: dict[str, Callable[[FoldResult], float]] = {
    "accuracy": lambda result: result.model.accuracy,
    "macro-F1": lambda result: result.model.macro_f1,
    "baseline, accuracy": lambda result: result.baseline.accuracy,
    "baseline, macro-F1": lambda result: result.baseline.macro_f1,
}
"""The figures of a fold, by their names in the table."""


def write_folds(directory: Path, results: Sequence[FoldResult]) -> None:
    """Write everything into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    summary = {name: mean_and_deviation([figure(each) for each in results]) for name, figure in COLUMNS.items()}
    document = {
        "folds": [asdict(each) for each in results],
        "summary": {name: {"mean": mean, "deviation": deviation} for name, (mean, deviation) in summary.items()},
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    (directory / FIGURES).write_text(text + "\n", encoding="utf-8")
    (directory / REPORT).write_text(markdown(results), encoding="utf-8")


def markdown(results: Sequence[FoldResult]) -> str:
    """Return the report."""
    rows = [[each.fold, f"{each.texts:,}", *(f"{figure(each):.4f}" for figure in COLUMNS.values())] for each in results]
    summary = [mean_and_deviation([figure(each) for each in results]) for figure in COLUMNS.values()]
    rows.append(["mean", "", *(f"{mean:.4f}" for mean, _ in summary)])
    rows.append(["standard deviation", "", *(f"{deviation:.4f}" for _, deviation in summary)])
    intro = (
        f"{len(results)} folds, equal texts in the same one; each row was tested on a fold and learnt from the others. "
        "The baseline is logistic regression on character n-grams, on the same texts."
    )
    return "\n\n".join(["# Folds", intro, table(["fold", "texts", *COLUMNS], rows)]) + "\n"
