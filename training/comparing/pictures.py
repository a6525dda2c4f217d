"""The pictures of a comparison, one for each question."""

from collections.abc import Callable
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes

from training.comparing.comparison import Comparison, Standing
from training.comparing.statistics import Pair
from training.evaluation import LENGTH_BOUNDS
from training.plots import INK, MUTED, PALETTE, Draw

_LONGEST = 24
"""Characters of a name; more would leave no room for the figures."""

Picture = Callable[[Comparison], Draw]


def accuracy(comparison: Comparison) -> Draw:
    """Accuracy of every model with its interval."""

    def draw(axes: Axes) -> None:
        standings = comparison.standings
        places = range(len(standings))
        for place, each, color in zip(places, standings, cycle(PALETTE), strict=False):
            low, high = each.interval
            axes.plot([low, high], [place, place], color=color, lw=5, alpha=0.35, solid_capstyle="round")
            axes.plot(each.accuracy, place, "o", color=color)
            axes.annotate(f"{each.accuracy:.4f}", (each.accuracy, place), (0, 8), textcoords="offset points",
                          ha="center", color=INK, fontsize=9)  # fmt: skip
        axes.set_yticks(places, [_name(each) for each in standings])
        axes.set(title="Accuracy, with 95% intervals", xlabel="accuracy", ylim=(len(standings) - 0.4, -0.7))
        axes.grid(visible=False, axis="y")

    return draw


def pairs(comparison: Comparison) -> Draw:
    """Difference of accuracies of every pair with its interval; filled where it is more than chance."""

    def draw(axes: Axes) -> None:
        places = range(len(comparison.pairs))
        for place, pair in zip(places, comparison.pairs, strict=True):
            color = MUTED if pair.better is None else PALETTE[0]
            low, high = (100 * each for each in pair.interval)
            axes.plot([low, high], [place, place], color=color, lw=2)
            face = color if pair.better is not None else "white"
            axes.plot(100 * pair.difference, place, "o", color=color, markerfacecolor=face)
            axes.annotate(f"p = {pair.p_holm:.2g}", (100 * pair.difference, place), (0, 8), textcoords="offset points",
                          ha="center", color=INK, fontsize=8)  # fmt: skip
        axes.axvline(0, color=MUTED, lw=1, ls=":")
        axes.set_yticks(places, [_names(comparison, pair) for pair in comparison.pairs])
        axes.set(
            title="Who is better: difference of accuracies",
            xlabel="points, first less second, with 95% intervals; filled: more than chance",
            ylim=(len(comparison.pairs) - 0.4, -0.7),
        )
        axes.grid(visible=False, axis="y")

    return draw


def agreement(comparison: Comparison) -> Draw:
    """Agreement (upper right) and kappa (lower left) of every two models."""

    def draw(axes: Axes) -> None:
        count = len(comparison.standings)
        shown = np.full((count, count), np.nan)
        for pair in comparison.pairs:
            shown[pair.first, pair.second] = pair.agreement
            shown[pair.second, pair.first] = np.nan if pair.kappa is None else pair.kappa
        axes.imshow(np.ma.masked_invalid(shown), cmap="Blues", vmin=min(0.5, float(np.nanmin(shown))), vmax=1)
        for (row, column), value in np.ndenumerate(shown):
            if np.isfinite(value):
                shade = "white" if value > 0.8 else INK
                axes.text(column, row, f"{value:.3f}", ha="center", va="center", color=shade)
        names = [_name(each) for each in comparison.standings]
        axes.set_xticks(range(count), names, rotation=20 if count > 3 else 0)
        axes.set_yticks(range(count), names)
        axes.set(title="Agreement (upper right) and Cohen's kappa (lower left)")
        axes.grid(visible=False)

    return draw


def disagreement(comparison: Comparison) -> Draw:
    """Where exactly one of two models is right: how often the first, how often the second."""

    def draw(axes: Axes) -> None:
        places = range(len(comparison.pairs))
        firsts = [pair.only_first for pair in comparison.pairs]
        seconds = [pair.only_second for pair in comparison.pairs]
        axes.barh(places, [-first for first in firsts], color=PALETTE[0], height=0.55)
        axes.barh(places, seconds, color=PALETTE[1], height=0.55)
        for place, first, second in zip(places, firsts, seconds, strict=True):
            axes.text(-first, place, f"{first:,} ", ha="right", va="center", fontsize=9)
            axes.text(second, place, f" {second:,}", ha="left", va="center", fontsize=9)
        most = 1.25 * max(1, *firsts, *seconds)
        axes.axvline(0, color=MUTED, lw=1)
        axes.set_yticks(places, [_names(comparison, pair) for pair in comparison.pairs])
        axes.set(title="Only one is right: texts", xlabel="only the first  |  only the second", xlim=(-most, most))
        axes.set_ylim(len(comparison.pairs) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.grid(visible=False, axis="y")

    return draw


def reliability(comparison: Comparison) -> Draw:
    """Accuracy by confidence of every model; on the diagonal a probability means what it says."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":")
        low = 1.0
        for each, color in zip(comparison.standings, cycle(PALETTE), strict=False):
            bins = each.evaluation.reliability
            label = f"{_name(each)} (ECE {each.evaluation.metrics['ece']:.4f})"
            axes.plot([one.confidence for one in bins], [one.accuracy for one in bins], "o-", ms=4, color=color,
                      label=label)  # fmt: skip
            low = min(low, *(min(one.confidence, one.accuracy) for one in bins))
        bounds = (low - 0.03, 1.01)
        axes.set(title="Calibration", xlabel="confidence", ylabel="accuracy", xlim=bounds, ylim=bounds)
        axes.legend()

    return draw


def by_length(comparison: Comparison) -> Draw:
    """Accuracy of every model by number of its own units."""

    def draw(axes: Axes) -> None:
        bounds = [*LENGTH_BOUNDS, None]
        for each, color in zip(comparison.standings, cycle(PALETTE), strict=False):
            slices = each.evaluation.by_length
            places = [bounds.index(None if one.high is None else round(one.high)) for one in slices]
            axes.plot(places, [one.accuracy for one in slices], "o-", color=color, label=_name(each))
        axes.set_xticks(range(len(bounds)), [*(f"≤ {bound}" for bound in LENGTH_BOUNDS), "more"])
        axes.set(title="Accuracy by length", xlabel="units of the model", ylabel="accuracy")
        axes.legend()

    return draw


def cost(comparison: Comparison) -> Draw:
    """Microseconds for one text, from text to probabilities: one at a time, and in batches."""

    def draw(axes: Axes) -> None:
        places = np.arange(len(comparison.standings))
        columns = {"one at a time": _alone, "in batches": _in_batches}
        for offset, (label, figure), color in zip((-0.18, 0.18), columns.items(), PALETTE, strict=False):
            values = [figure(each) for each in comparison.standings]
            axes.barh(places + offset, values, height=0.32, color=color, label=label)
            for place, value in zip(places + offset, values, strict=True):
                axes.text(value, place, f" {value:,.1f}", va="center", fontsize=9)
        axes.set_yticks(places, [_name(each) for each in comparison.standings])
        axes.set(title="Cost of one text, encoding included", xlabel="microseconds")
        axes.margins(x=0.12)
        axes.invert_yaxis()
        axes.legend(loc="best")
        axes.grid(visible=False, axis="y")

    return draw


def _alone(standing: Standing) -> float:
    return standing.cost.alone


def _in_batches(standing: Standing) -> float:
    return standing.cost.encode.median + standing.cost.batched.median


def _names(comparison: Comparison, pair: Pair) -> str:
    first, second = (_name(comparison.standings[place]) for place in (pair.first, pair.second))
    return f"{first} – {second}" if len(first + second) < _LONGEST else f"{first}\n– {second}"


def _name(standing: Standing) -> str:
    """Return what a model is called, cut at its beginning where a path is long."""
    return standing.name if len(standing.name) <= _LONGEST else "…" + standing.name[1 - _LONGEST :]


PICTURES: dict[str, tuple[Picture, Callable[[Comparison], int]]] = {
    "accuracy": (accuracy, lambda comparison: len(comparison.standings)),
    "pairs": (pairs, lambda comparison: len(comparison.pairs)),
    "agreement": (agreement, lambda comparison: len(comparison.standings) + 2),
    "disagreement": (disagreement, lambda comparison: len(comparison.pairs)),
    "calibration": (reliability, lambda _: 5),
    "by_length": (by_length, lambda _: 5),
    "cost": (cost, lambda comparison: len(comparison.standings)),
}
"""By name of the file; with the lines that a picture has, which decide its height."""
