"""The figures as a picture: a panel for each chart, a dot for each median with the range of the rounds."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.findings import Chart, short
from bench.servers import NUNCHI

_OWN, _OTHERS, _LINES = "#1f6f8b", "#8a979f", "#e3e7ea"
_OWN_NAMES = {NUNCHI.name, "fused"}


def plot(charts: Sequence[Chart], path: Path) -> None:
    """Draw charts below one another."""
    heights = [1.1 + 0.32 * len(chart.figures) for chart in charts]
    figure = Figure(figsize=(8.5, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(charts), 1, squeeze=False, height_ratios=heights)
    for chart, axis in zip(charts, axes[:, 0], strict=True):
        _draw(chart, axis)
    figure.savefig(path, dpi=130)


def _draw(chart: Chart, axis: Axes) -> None:
    axis.set_xscale("log")
    for row, (name, spread) in enumerate(chart.figures.items()):
        colour = _OWN if name in _OWN_NAMES else _OTHERS
        axis.plot([spread.low, spread.high], [row, row], color=colour, linewidth=2, alpha=0.5)
        axis.plot(spread.median, row, "o", color=colour, markersize=6)
        label = f"{short(spread.median)} {chart.unit}"
        axis.annotate(label, (spread.high, row), (8, 0), textcoords="offset points", va="center", fontsize=8.5)
    _dress(chart, axis)


def _dress(chart: Chart, axis: Axes) -> None:
    spreads = chart.figures.values()
    axis.set_xlim(min(spread.low for spread in spreads) / 2, max(spread.high for spread in spreads) * 4)
    axis.set_ylim(len(chart.figures) - 0.4, -0.6)
    axis.set_yticks(range(len(chart.figures)), list(chart.figures))
    axis.set_title(chart.title, loc="left", fontsize=10)
    axis.grid(axis="x", color=_LINES)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8.5, length=0, which="both")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    for side in ("top", "right", "left", "bottom"):
        axis.spines[side].set_visible(False)
