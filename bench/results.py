"""Writes what was found: `results.md` and `results.png`."""

from collections.abc import Sequence
from pathlib import Path

from bench.findings import Bar, Part, table
from bench.plan import Plan
from bench.plot import plot

NAME = "results"


def write(parts: Sequence[Part], facts: str, plan: Plan, directory: Path) -> Path:
    """Write the page and the picture of one run, over those of an earlier one.

    Returns:
        The page.
    """
    charts = [chart for part in parts for chart in part.charts if chart.figures]
    if charts:
        plot(charts, directory / f"{NAME}.png")
    bars = [bar for part in parts for bar in part.bars]
    chapters = [
        f"# Measurements\n\n{_HEAD.format(rounds=plan.rounds)}",
        plan.note,
        facts,
        _bars(bars) if bars else "",
        f"![the figures]({NAME}.png)" if charts else "",
        *(f"## {part.title}\n\n{part.text}" for part in parts),
    ]
    page = directory / f"{NAME}.md"
    page.write_text("\n\n".join(filter(None, chapters)) + "\n", encoding="utf-8")
    return page


def _bars(bars: Sequence[Bar]) -> str:
    rows = [
        [bar.what, _limit(bar, bar.must), _limit(bar, bar.aim), f"{bar.measured or '–'}", bar.verdict] for bar in bars
    ]
    return table(["bar", "must", "aim", "measured", "reached"], rows)


def _limit(bar: Bar, value: float) -> str:
    return f"{'≥' if bar.at_least else '≤'} {value:,g} {bar.unit}"


_HEAD = """Written by `python -m bench` (`make bench`); every figure is from the run that wrote this page. Figures are
medians of {rounds} rounds, lowest and highest in brackets; what is compared took turns."""
