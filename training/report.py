"""The report of a version: report.md for people, metrics.json for programs, and the figures between them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import plots
from training.config import TrainingConfig
from training.evaluation import Evaluation
from training.history import Epoch, best


@dataclass(frozen=True, slots=True)
class Report:
    """All that is told of a version.

    Attributes:
        name: what it is called.
        config: its settings.
        labels: its classes.
        epochs: how the training went.
        evaluation: how good it is.
        part: which part of the data `evaluation` is of, such as "official test split".
        memory: its memory curve, empty without recurrence.
        cost: figures of size and time, by name.
        examples: texts with the probability of the last class.
    """

    name: str
    config: TrainingConfig
    labels: Sequence[str]
    epochs: Sequence[Epoch]
    evaluation: Evaluation
    part: str
    memory: Sequence[float]
    cost: dict[str, float]
    examples: Sequence[tuple[str, float]]


def write_report(directory: Path, report: Report) -> None:
    """Write report.md, metrics.json and the figures into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, draw in _figures(report).items():
        plots.save(directory / f"{name}.png", draw)
    document = {
        "name": report.name,
        "part": report.part,
        "labels": list(report.labels),
        **asdict(report.evaluation),
        "epochs": [asdict(epoch) for epoch in report.epochs],
        "memory": list(report.memory),
        "cost": report.cost,
        "settings": report.config.to_dict(),
    }
    (directory / "metrics.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (directory / "report.md").write_text(_markdown(report), encoding="utf-8")


def _figures(report: Report) -> dict[str, plots.Draw]:
    texts, probabilities = zip(*report.examples, strict=True)
    figures = {
        "learning_curves": plots.learning_curves(report.epochs),
        "confusion": plots.confusion(report.evaluation, report.labels),
        "reliability": plots.reliability(report.evaluation),
        "by_length": plots.by_length(report.evaluation),
        "by_unknown": plots.by_unknown(report.evaluation),
        "examples": plots.examples(texts, probabilities, report.labels[-1]),
    }
    if report.memory:
        figures["memory"] = plots.memory({report.name: report.memory})
    return figures


def _markdown(report: Report) -> str:
    chosen = best(report.epochs)
    rows = [(name.replace("_", " "), f"{value:.4f}") for name, value in report.evaluation.metrics.items()]
    cost = [(name.replace("_", " "), f"{value:,.10g}") for name, value in report.cost.items()]
    settings = [(name, f"`{value}`") for name, value in report.config.to_dict().items()]
    sections = [
        f"# {report.name}",
        f"Measured on {report.evaluation.rows:,} texts: {report.part}. Trained for {len(report.epochs)} epochs; epoch "
        f"{chosen.number} was chosen on the validation part (accuracy there {chosen.validation_accuracy:.4f}).",
        table(("figure", "value"), rows),
        *(f"![{name.replace('_', ' ')}]({name}.png)" for name in _figures(report)),
        "## Size and time",
        table(("", "value"), cost),
        "## Settings",
        table(("setting", "value"), settings),
    ]
    return "\n\n".join(sections) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
