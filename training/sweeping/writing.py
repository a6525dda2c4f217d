"""Writes a sweep: sweep.md and its pictures for people, sweep.json for programs."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.report import table
from training.sweeping import pictures
from training.sweeping.choosing import best, front, frugal, microseconds, parameters
from training.sweeping.sweep import Result, Sweep

REPORT, FIGURES = "sweep.md", "sweep.json"
_MOVES_THE_PART = ("rows", "validation_share", "split_seed")


def write_sweep(directory: Path, sweep: Sweep) -> None:
    """Write everything into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    pictures.draw_cost(directory / pictures.COST, sweep.results)
    pictures.draw_settings(directory / pictures.SETTINGS, sweep.results)
    document = json.dumps(figures(sweep), ensure_ascii=False, allow_nan=False, indent=1)
    (directory / FIGURES).write_text(document + "\n", encoding="utf-8")
    (directory / REPORT).write_text(markdown(sweep), encoding="utf-8")


def figures(sweep: Sweep) -> dict[str, Any]:
    """Return all figures as JSON can hold them; times in microseconds, training in seconds."""
    fronts = {"parameters": front(sweep.results, parameters), "microseconds": front(sweep.results, microseconds)}
    return {
        "common": _common(sweep),
        "runs": [
            {
                "name": result.point.name,
                "values": dict(result.point.values),
                **asdict(result.outcome),
                "interval": list(result.outcome.interval),
                "parameters": result.parameters,
                "engine": result.engine,
                "cost": asdict(result.cost),
                "on_front_of": [name for name, chosen in fronts.items() if result in chosen],
            }
            for result in sweep.results
        ],
        "failures": sweep.failures,
    }


def markdown(sweep: Sweep) -> str:
    """Return the report."""
    results = sweep.results
    swept = list(results[0].point.values)
    sections = [
        "# Sweep over " + ", ".join(f"`{name}`" for name in swept),
        f"{len(results)} runs; accuracy on their validation part ({_texts(results)} texts), with 95% intervals. The "
        "test part was not looked at.",
        *_warnings(sweep, swept),
        _recommendation(results),
        f"![accuracy against cost]({pictures.COST})",
        _table(results, swept),
        _TABLE_TEXT,
        f"![what each setting does]({pictures.SETTINGS})",
        "## What all runs have in common",
        table(("setting", "value"), [(name, f"`{value}`") for name, value in _common(sweep).items()]),
    ]
    return "\n\n".join(sections) + "\n"


def _common(sweep: Sweep) -> dict[str, Any]:
    first = sweep.results[0].point
    return {name: value for name, value in first.config.to_dict().items() if name not in first.values}


def _texts(results: list[Result]) -> str:
    sizes = sorted({result.outcome.texts for result in results})
    return f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"


def _warnings(sweep: Sweep, swept: list[str]) -> list[str]:
    lines = [f"`{name}` could not be trained: {reason}." for name, reason in sweep.failures.items()]
    moved = [name for name in swept if name in _MOVES_THE_PART]
    if moved:
        lines.append(
            f"**With another `{moved[0]}` the validation part is another one: small differences mean nothing.**"
        )
    return lines


def _recommendation(results: list[Result]) -> str:
    top = best(results)
    small, fast = frugal(results, parameters), frugal(results, microseconds)
    lines = [
        f"- The most accurate: `{top.point.name}`, {top.outcome.accuracy:.4f}.",
        f"- The smallest within a standard error of it: `{small.point.name}`, {small.outcome.accuracy:.4f} with "
        f"{small.parameters:,} parameters{_share(small.parameters, top.parameters)}.",
        f"- The fastest within a standard error of it: `{fast.point.name}`, {fast.outcome.accuracy:.4f} in "
        f"{fast.microseconds:.0f} µs{_share(fast.microseconds, top.microseconds)}.",
    ]
    return "\n".join(lines)


def _share(value: float, of: float) -> str:
    return "" if value == of else f" ({value / of:.0%} of that one's)"


def _table(results: list[Result], swept: list[str]) -> str:
    by_size, by_time = front(results, parameters), front(results, microseconds)
    rows = []
    for result in results:
        outcome = result.outcome
        marks = [name for name, chosen in (("size", by_size), ("time", by_time)) if result in chosen]
        values = [f"{result.point.values[name]:,g}" for name in swept]
        interval = " to ".join(f"{end:.4f}" for end in outcome.interval)
        times = [f"{result.microseconds:.1f}", f"{result.cost.encode.median + result.cost.batched.median:.1f}"]
        rows.append([*values, f"{outcome.accuracy:.4f}", interval, f"{result.parameters:,}", *times,
                     f"{outcome.seconds:.0f}", ", ".join(marks)])  # fmt: skip
    header = [*swept, "accuracy", "interval", "parameters", "µs alone", "µs in batches", "training, s", "Pareto front"]
    return table(header, rows)


_TABLE_TEXT = """Microseconds of one text on one thread, encoding included, with the fused graph that the service runs:
medians of rounds in which the models took turns. On the Pareto front of size (or time) stands what no smaller (or
faster) run beats. Best validation accuracies flatter a little, the more so the more runs there are; train the chosen
one again with other seeds before believing the last tenths of a point."""
