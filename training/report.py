"""The report of a version: report.md for people, metrics.json for programs, and the figures between them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import calibration_report, plots
from training.behaviour import MOVED, NEUTRAL, Behaviour
from training.calibration import Calibrated
from training.config import TrainingConfig
from training.evaluation import Evaluation
from training.history import Epoch, best
from training.robustness import TYPO_RATE, Robustness


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
        calibrated: how its probabilities were calibrated, and what that changed on the part.
        robustness: how good it is where texts are not what it learnt from.
        behaviour: how it behaves on sentences made to test it, None where its classes are not theirs.
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
    calibrated: Calibrated
    robustness: Robustness
    behaviour: Behaviour | None

    @property
    def metrics(self) -> dict[str, float]:
        """All figures of how good it is, by name."""
        behaviour = self.behaviour.metrics if self.behaviour else {}
        return {**self.evaluation.metrics, **self.robustness.metrics, **behaviour}


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
        "calibration": calibration_report.document(report.calibrated),
        "metrics": report.metrics,
        "by_stars": [asdict(each) for each in report.robustness.by_stars],
        "behaviour": asdict(report.behaviour) if report.behaviour else None,
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
        "learning_curves": plots.learning_curves(report.epochs, report.config.choose_by),
        "confusion": plots.confusion(report.evaluation, report.labels),
        "reliability": calibration_report.reliability(report.calibrated),
        "risk_coverage": calibration_report.risk_coverage(report.calibrated),
        "by_length": plots.by_length(report.evaluation),
        "by_unknown": plots.by_unknown(report.evaluation),
        "examples": plots.examples(texts, probabilities, report.labels[-1]),
    }
    if report.memory:
        figures["memory"] = plots.memory({report.name: report.memory})
    if report.behaviour:
        figures["behaviour"] = plots.behaviour(report.behaviour)
    return figures


def _markdown(report: Report) -> str:
    chosen = best(report.epochs, report.config.choose_by)
    rows = [(name.replace("_", " "), f"{value:.4f}") for name, value in report.evaluation.metrics.items()]
    cost = [(name.replace("_", " "), f"{value:,.10g}") for name, value in report.cost.items()]
    settings = [(name, f"`{value}`") for name, value in report.config.to_dict().items()]
    sections = [
        f"# {report.name}",
        f"Measured on {report.evaluation.rows:,} texts: {report.part}. Trained for {len(report.epochs)} epochs; epoch "
        f"{chosen.number} was chosen on the validation part (accuracy there {chosen.validation_accuracy:.4f}).",
        table(("figure", "value"), rows),
        *(f"![{name.replace('_', ' ')}]({name}.png)" for name in _figures(report)),
        *calibration_report.sections(report.calibrated, table),
        *_robustness(report),
        *(_behaviour(report.behaviour) if report.behaviour else []),
        "## Size and time",
        table(("", "value"), cost),
        "## Settings",
        table(("setting", "value"), settings),
    ]
    return "\n\n".join(sections) + "\n"


def _robustness(report: Report) -> list[str]:
    plain = report.evaluation.metrics["accuracy"]
    names = {
        "accuracy_without_blanks": "without blanks",
        "accuracy_with_typos": f"typos in {TYPO_RATE:.0%} of syllables",
    }
    rows = [
        (names[name], f"{value:.4f}", f"{100 * (plain - value):.2f}")
        for name, value in report.robustness.metrics.items()
    ]
    sections = ["## Robustness", table(("the same texts", "accuracy", "points lost"), rows)]
    if report.robustness.by_stars:
        seen = "This model learnt from such reviews with soft labels, so look at the differences, not at the height."
        stars = [(each.stars, f"{each.rows:,}", f"{each.accuracy:.4f}") for each in report.robustness.by_stars]
        sections += [
            "Further reviews, by the stars that their writers gave: the nearer the middle, the less a text tells of "
            f"its label. {seen if report.config.extra else 'This model has not seen them with labels.'}",
            table(("stars", "texts", "accuracy"), stars),
        ]
    return sections


def _behaviour(behaviour: Behaviour) -> list[str]:
    shares = [
        (
            each.category.replace("_", " "),
            f"{each.passed}/{each.tests}",
            f"{each.share:.1%}",
            f"{each.low:.0%} to {each.high:.0%}",
            f"{each.right:.1%}",
        )
        for each in behaviour.shares
    ]
    failures = [
        (
            each.case.id,
            f"{each.case.type}: {each.case.label}",
            f"{each.positive:.3f}" + (f" (base {each.base:.3f})" if each.base is not None else ""),
            each.case.text.replace("|", "\\|") + (f" ← {each.case.base_text}" if each.case.base_text else ""),
        )
        for each in behaviour.failures
    ]
    return [
        "## Behaviour tests",
        f"{behaviour.sentences} sentences made to test a model (`training/behaviour_cases.tsv`, {behaviour.suite}). "
        "A pair is one test and passed only with both sentences; an invariance is passed if the answer stays that of "
        f"its base text, a direction if the probability moves by {MOVED} or more, a neutral sentence if that of "
        f"positive lies between {NEUTRAL[0]} and {NEUTRAL[1]}. Right: sentences whose own answer is their label.",
        table(("category", "passed", "share", "95% interval", "right"), shares),
        "Not passed, with the probability of positive:",
        table(("sentence", "expected", "probability", "text"), failures),
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
