"""Writes a comparison: report.md and its pictures for people, comparison.json for programs, the texts they part on."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training import plots
from training.comparing.comparison import Comparison, Standing
from training.comparing.cost import BATCH, ROUNDS
from training.comparing.page import disagreement_page
from training.comparing.pictures import PICTURES
from training.comparing.statistics import CONFIDENCE, Interval, Pair
from training.report import table

REPORT, FIGURES, PAGE, TABLE = "report.md", "comparison.json", "disagreements.html", "disagreements.tsv"


def write_comparison(directory: Path, comparison: Comparison) -> None:
    """Write everything into `directory`, over what an earlier comparison wrote there."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, (picture, lines) in PICTURES.items():
        plots.save(directory / f"{name}.png", picture(comparison), height=1.6 + 0.5 * lines(comparison))
    document = json.dumps(figures(comparison), ensure_ascii=False, allow_nan=False, indent=1)
    (directory / FIGURES).write_text(document + "\n", encoding="utf-8")
    (directory / PAGE).write_text(disagreement_page(comparison), encoding="utf-8")
    (directory / TABLE).write_text(disagreement_table(comparison), encoding="utf-8")
    (directory / REPORT).write_text(markdown(comparison), encoding="utf-8")


def figures(comparison: Comparison) -> dict[str, Any]:
    """Return all figures as JSON can hold them; intervals as [low, high], times in microseconds."""
    names = [each.name for each in comparison.standings]
    return {
        "texts": len(comparison.texts.dataset),
        "source": comparison.texts.source,
        "labels": list(comparison.texts.dataset.labels),
        "notes": list(comparison.texts.notes),
        "confidence": CONFIDENCE,
        "models": [_model(each) for each in comparison.standings],
        "pairs": [
            {**asdict(pair), "first": names[pair.first], "second": names[pair.second], "better": _better(names, pair)}
            for pair in comparison.pairs
        ],
        "disagreements": len(comparison.disagreements),
    }


def _model(each: Standing) -> dict[str, Any]:
    return {
        "name": each.name,
        "variant": each.contestant.variant,
        "engine": each.contestant.engine,
        "parameters": each.contestant.parameters,
        "interval": list(each.interval),
        **asdict(each.evaluation),
        "cost": asdict(each.cost),
    }


def _better(names: list[str], pair: Pair) -> str | None:
    return None if pair.better is None else names[pair.better]


def disagreement_table(comparison: Comparison) -> str:
    """Return the texts on which models disagree as TSV: text, label, then label and its probability of each model."""
    dataset = comparison.texts.dataset
    header = ["text", "label"]
    for each in comparison.standings:
        header += [each.name, f"{each.name} probability"]
    lines = [header]
    for place in comparison.disagreements:
        line = [" ".join(dataset.texts[place].split()), dataset.labels[dataset.classes[place]]]
        for each in comparison.standings:
            given = int(each.probabilities[place].argmax())
            line += [dataset.labels[given], f"{each.probabilities[place, given]:.4f}"]
        lines.append(line)
    return "".join("\t".join(line) + "\n" for line in lines)


def markdown(comparison: Comparison) -> str:
    """Return the report."""
    texts, standings, apart = comparison.texts, comparison.standings, len(comparison.disagreements)
    sections = [
        "# " + ", ".join(each.name for each in standings),
        f"The same {len(texts.dataset):,} texts for all: {texts.source}. Intervals are at {CONFIDENCE:.0%}.",
        *texts.notes,
        "## How good each is",
        _accuracies(standings),
        _image("accuracy"),
        _image("by_length"),
        "## Who is better",
        verdict(comparison),
        _pairs(comparison),
        _PAIRS_TEXT,
        _image("pairs"),
        _image("agreement"),
        "## Where they disagree",
        f"On {apart:,} texts ({apart / len(texts.dataset):.1%}) not all say the same: [browse them]({PAGE}), or take "
        f"the [table]({TABLE}).",
        _image("disagreement"),
        "## Calibration",
        _CALIBRATION_TEXT,
        _image("calibration"),
        "## What a text costs",
        _costs(standings),
        _COST_TEXT.format(batch=BATCH, rounds=ROUNDS),
        _image("cost"),
    ]
    return "\n\n".join(sections) + "\n"


def verdict(comparison: Comparison) -> str:
    """Say in a sentence for each pair what was found."""
    lines = []
    for pair in comparison.pairs:
        names = [comparison.standings[place].name for place in (pair.first, pair.second)]
        if pair.better is None:
            width = 100 * max(abs(end) for end in pair.interval)
            lines.append(
                f"- {names[0]} and {names[1]}: no difference beyond chance, and none above {width:.2f} points."
            )
        else:
            better, other = names if pair.difference > 0 else reversed(names)
            points = 100 * abs(pair.difference)
            lines.append(f"- **{better} is better than {other}** by {points:.2f} points (p = {pair.p_holm:.2g}).")
    return "\n".join(lines)


def _accuracies(standings: list[Standing]) -> str:
    header = ["model", "accuracy", "interval", "F1", "log loss", "Brier", "ECE", "parameters"]
    rows = []
    for each in standings:
        values = each.evaluation.metrics
        shown = [f"{values[name]:.4f}" for name in ("f1", "log_loss", "brier", "ece")]
        parameters = "" if each.contestant.parameters is None else f"{each.contestant.parameters:,}"
        rows.append([f"`{each.name}`", f"{each.accuracy:.4f}", _span(each.interval, 1, 4), *shown, parameters])
    return table(header, rows)


def _pairs(comparison: Comparison) -> str:
    header = ["first", "second", "both right", "only first", "only second", "neither", "points", "interval", "p",
              "p (Holm)", "agreement", "kappa"]  # fmt: skip
    names = [f"`{each.name}`" for each in comparison.standings]
    rows = []
    for pair in comparison.pairs:
        counts = [f"{each:,}" for each in (pair.both, pair.only_first, pair.only_second, pair.neither)]
        kappa = "–" if pair.kappa is None else f"{pair.kappa:.3f}"
        points = [f"{100 * pair.difference:+.2f}", _span(pair.interval, 100, 2)]
        p_values = [f"{pair.p:.2g}", f"{pair.p_holm:.2g}"]
        rows.append(
            [names[pair.first], names[pair.second], *counts, *points, *p_values, f"{pair.agreement:.3f}", kappa]
        )
    return table(header, rows)


def _costs(standings: list[Standing]) -> str:
    rows = []
    for each in standings:
        times = (each.cost.encode, each.cost.one, each.cost.batched)
        shown = [f"{time.median:.1f} ({time.low:.1f} to {time.high:.1f})" for time in times]
        rows.append([f"`{each.name}`", each.contestant.engine, *shown])
    return table(["model", "engine", "encoding, µs", "one at a time, µs", "in batches, µs"], rows)


def _span(interval: Interval, factor: int, digits: int) -> str:
    sign = "+" if factor > 1 else ""
    return " to ".join(f"{factor * end:{sign}.{digits}f}" for end in interval)


def _image(name: str) -> str:
    return f"![{name.replace('_', ' ')}]({name}.png)"


_PAIRS_TEXT = """Both models of a pair read the same texts, so only those count on which exactly one is right: p is that
of McNemar's exact test, two-sided, and with more than one pair it is corrected for their number (Holm). The interval of
the difference of accuracies is that of Bonett and Price, not corrected. Agreement is the share of texts with the same
label from both, kappa what of it is beyond chance."""

_CALIBRATION_TEXT = """A confidence of 0.8 should be right in 80 of 100 cases. ECE is the mean distance from that over
15 bins, Brier the squared error of the probabilities, summed over the classes; both are better when smaller."""

_COST_TEXT = """Microseconds of one text on one thread of this machine: from text to ids, and from ids to probabilities
one text at a time and in batches of {batch} sorted by length. Medians of {rounds} rounds in which the models took
turns, lowest and highest in brackets. `fused` is the graph that the service runs; `tensorflow` means that the model has
none."""
