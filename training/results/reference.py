"""Every variant with the reference settings, beside the course's figures and the linear baseline."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from training import plots
from training.assessment import assess
from training.config import TrainingConfig
from training.recipe import train_variant
from training.report import table, write_report
from training.results.figures import baseline_figures, kept
from training.variants import VARIANTS

COURSE: dict[str, float] = {
    "ann": 0.832,
    "pretrained_embedding": 0.762,
    "embedding": 0.823,
    "rnn": 0.821,
    "lstm": 0.839,
    "gru": 0.841,
    "stacked_gru": 0.837,
}
"""Best validation accuracies of the Korean course whose systems these are."""

MEMORY_FIGURE = "memory.png"
_COMPARED = ("rnn", "lstm", "gru")
_BESIDE_ACCURACY = ("accuracy_", "behaviour_")


@dataclass(frozen=True, slots=True)
class Column:
    """One way of cutting text, as a column of the table."""

    key: str
    title: str
    settings: Mapping[str, Any]


COLUMNS = (
    Column("subword_64", "10,000 pieces, length 64", {}),
    Column("word_20", "10,000 words, length 20", {"encoder": "word", "length": 20, "evaluation_length": 20}),
)


def reference(runs: Path, out: Path) -> Iterator[str]:
    """Train and test whatever is not there yet; yield the part of the page after each run.

    Args:
        runs: directory of the runs, `<column>/<variant>` each; finished ones are not trained again.
        out: the page; the memory curves are drawn beside it.
    """
    baseline = kept(runs.parent / "baseline.json", baseline_figures)
    # The plainer variants first in every column, so that an early look already shows the main comparison.
    order = sorted(VARIANTS, key=lambda name: (name not in COURSE, list(VARIANTS).index(name)))
    figures: dict[tuple[str, str], dict[str, Any]] = {}
    for column in COLUMNS:
        for variant in order:
            figures[column.key, variant] = _figures(runs, column, variant)
            yield _text(figures, baseline)
    curves = {name: figures[COLUMNS[0].key, name]["memory"] for name in _COMPARED}
    plots.save(out.parent / MEMORY_FIGURE, plots.memory(curves))


def _figures(runs: Path, column: Column, variant: str) -> dict[str, Any]:
    """Return the test figures of one run, trained and tested if it has not been."""
    run = runs / column.key / variant
    path = run / "report" / "test" / "metrics.json"
    if not path.exists():
        keras.utils.clear_session()
        print(f"{column.key}/{variant}", flush=True)
        train_variant(TrainingConfig(variant=variant, **column.settings), run)
        write_report(path.parent, assess(run, "test", variant).report)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _text(figures: Mapping[tuple[str, str], Mapping[str, Any]], baseline: Mapping[str, float]) -> str:
    rows = [_row(variant, figures) for variant in VARIANTS]
    rows.append(["linear baseline", "", f"{baseline['accuracy']:.4f}", "", "", f"{baseline['seconds']:.0f}"])
    header = ["variant", "course", *(column.title for column in COLUMNS), "parameters", "seconds"]
    return _TEXT.format(table=table(header, rows), memory=MEMORY_FIGURE)


def _row(variant: str, figures: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    cells = [f"`{variant}`", f"{COURSE[variant]:.3f}" if variant in COURSE else ""]
    for column in COLUMNS:
        found = figures.get((column.key, variant))
        cells.append(f"{found['metrics']['accuracy']:.4f}" if found else "")
    first = figures.get((COLUMNS[0].key, variant))
    cost = first["cost"] if first else {}
    return [*cells, *(f"{cost[name]:,.0f}" if cost else "" for name in ("parameters", "training_seconds"))]


_TEXT = """## Every variant with the reference settings

NSMC, official split: trained on 90% of the 150,000 training reviews, the epoch chosen on the other 10%, accuracy on the
50,000 test reviews (standard error about 0.0015). Embedding 50, 50 units, Dense(32, relu), 5 epochs of Adam at 0.001,
batches of 128, one seed. Track A: nothing but the training reviews, save for `pretrained_embedding`, whose word vectors
come from the 482,359 unlabelled ones. The course's figures are its best *validation* accuracies, ours are test
figures. Seconds: all epochs of the first column, on two CPU cores that other work shared, so good for their order only.

{table}

The linear baseline is logistic regression on TF-IDF weights of character 1- to 5-grams, blanks left out.

How text is cut decides more than which cell reads it: compare the columns, then the rows.

## What RNN, LSTM and GRU remember

![memory curves]({memory})

How strongly the answer depends on a token k steps before the end (`training/memory.py` says how it is measured), for
the first column's models.
"""
