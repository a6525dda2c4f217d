"""The pictures of a sweep: accuracy against cost, and what each setting does."""

import math
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes

from training.plots import INK, MUTED, PALETTE, figure
from training.sweeping.choosing import Price, best, front, microseconds, parameters
from training.sweeping.sweep import Result

COST, SETTINGS = "cost.png", "settings.png"
_WIDE = 20
"""Times the cheapest: from there on the axis of cost is logarithmic."""


def draw_cost(path: Path, results: Sequence[Result]) -> None:
    """Draw accuracy against parameters and against microseconds; the Pareto front is a line."""
    with figure(path, (11.0, 4.6), columns=2) as (left, right):
        _against(left, results, parameters, "parameters")
        _against(right, results, microseconds, "microseconds for one text, encoding included")
        left.set_title("Accuracy against size")
        right.set_title("Accuracy against time")


def draw_settings(path: Path, results: Sequence[Result]) -> None:
    """Draw accuracy against every swept setting: in a grid, the line is the mean of all runs with a value; with one
    setting at a time, it goes through the runs in which the others are as in the first.
    """  # noqa: D205  the two kinds of sweep belong into one sentence
    names = list(results[0].point.values)
    with figure(path, (max(4.8, 3.0 * len(names)), 3.6), columns=len(names)) as panels:
        for axes, name, color in zip(panels, names, cycle(PALETTE), strict=False):
            shown = results if _is_grid(results) else _only(results, name)
            values = sorted({result.point.values[name] for result in shown})
            alike = [[each.outcome for each in shown if each.point.values[name] == value] for value in values]
            means = [sum(each.accuracy for each in group) / len(group) for group in alike]
            for place, group in enumerate(alike):
                axes.plot([place] * len(group), [each.accuracy for each in group], "o", color=color, alpha=0.5)
            axes.plot(range(len(values)), means, "-", color=color, lw=2)
            axes.set_xticks(range(len(values)), [f"{value:,g}" for value in values])
            axes.set(title=name, ylabel="validation accuracy" if axes is panels[0] else "")
            axes.set_ylim(_bounds(results))


def _against(axes: Axes, results: Sequence[Result], price: Price, what: str) -> None:
    chosen = front(results, price)
    axes.plot(*_places(chosen, price), color=MUTED, lw=6, alpha=0.3, label="Pareto front", zorder=1)
    name = next(iter(results[0].point.values))
    values = sorted({result.point.values[name] for result in results})
    for value, color in zip(values, cycle(PALETTE), strict=False):
        alike = [result for result in results if result.point.values[name] == value]
        axes.plot(*_places(alike, price), "o", color=color, label=f"{name} = {value:,g}")
    for result in chosen:
        place = (price(result), result.outcome.accuracy)
        axes.annotate(_told(result, results), place, (7, -3), textcoords="offset points", fontsize=8, color=INK)
    highest = best(results)
    low, high = highest.outcome.interval
    axes.plot([price(highest)] * 2, [low, high], color=MUTED, lw=1, label="95% interval of the best")
    prices = [price(result) for result in results]
    if max(prices) > _WIDE * min(prices):
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set(xlabel=what, ylabel="validation accuracy")
    axes.margins(x=0.15)
    axes.legend(loc="lower right", fontsize=8)


def _places(results: Sequence[Result], price: Price) -> tuple[list[float], list[float]]:
    return [price(result) for result in results], [result.outcome.accuracy for result in results]


def _told(result: Result, results: Sequence[Result]) -> str:
    """Return what tells a run from others: in a grid all but the first setting, else what differs from the first."""
    first, values = results[0].point.values, result.point.values
    told = list(values)[1:] if _is_grid(results) else [name for name in values if values[name] != first[name]]
    return ", ".join(f"{name} {values[name]:,g}" for name in told)


def _is_grid(results: Sequence[Result]) -> bool:
    """Tell whether every value of a setting occurs with every value of the others."""
    names = results[0].point.values
    return len(results) == math.prod(len({result.point.values[name] for result in results}) for name in names)


def _only(results: Sequence[Result], name: str) -> list[Result]:
    """Return the runs that differ from the first in this setting alone."""
    first = results[0].point.values
    return [each for each in results if {**each.point.values, name: first[name]} == first]


def _bounds(results: Sequence[Result]) -> tuple[float, float]:
    accuracies = [result.outcome.accuracy for result in results]
    margin = 0.1 * (max(accuracies) - min(accuracies)) + 0.001
    return min(accuracies) - margin, max(accuracies) + margin
