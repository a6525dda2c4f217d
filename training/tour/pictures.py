"""One function per picture of the tour; each draws on the axes it is given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, TwoSlopeNorm
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from training.plots import INK, MUTED, figure
from training.tour.remembering import Curve

COLOURS = {"rnn": "#d9822b", "lstm": "#2f9e77", "gru": "#3b6fb6"}
"""Of the models, as on the dashboard."""
NAMES = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
_DIVERGING = LinearSegmentedColormap.from_list(
    "red, white, blue", ["#a93226", "#e59a86", "#ffffff", "#8fb3e0", "#1f4f96"]
)
_SEQUENTIAL = LinearSegmentedColormap.from_list("white, blue", ["#ffffff", "#b9d0ec", "#2f66b0"])

Explained = Mapping[str, Any]
"""What `POST /explain` says of one model."""


def reading(path: Path, text: str, models: Sequence[Explained]) -> None:
    """What the models think after every token, and below it what each token adds (integrated gradients)."""
    with figure(path, (9.6, 4.9), rows=2, heights=(3, 1.25)) as (above, below):
        for model in models:
            name = model["model"]
            above.plot(model["trajectory"], "o-", ms=3.5, lw=1.6, color=COLOURS[name], label=NAMES[name])
        above.axhline(0.5, color=MUTED, lw=1, ls=(0, (4, 3)))
        above.set(ylim=(0, 1), ylabel="P(positive) so far", title="What the models think after every token")
        places = range(len(models[0]["tokens"]))
        above.set_xticks(places, ["" for _ in places])
        above.set_xlim(-0.5, len(places) - 0.5)
        above.grid(visible=False, axis="x")
        above.legend(ncols=3, loc="upper right")
        values = np.array([model["integrated_gradients"]["values"] for model in models])
        most = np.abs(values).max()
        _heat(below, values, (_DIVERGING, TwoSlopeNorm(0, -most, most)), [NAMES[model["model"]] for model in models])
        below.set_title("What each token adds: red to negative, blue to positive")
        _tokens(below, text, models[0])


def gates(path: Path, text: str, models: Mapping[str, Explained]) -> None:
    """Gates and states of the three cells by token, as means over the units."""
    shown = {
        "lstm": ("forget", "input", "output", "cell", "hidden"),
        "gru": ("update", "reset", "hidden"),
        "rnn": ("hidden",),
    }
    heights = [len(names) for names in shown.values()]
    with figure(path, (9.6, 5.2), rows=3, heights=heights) as axes:
        for each, (name, rows) in zip(axes, shown.items(), strict=True):
            of_model = models[name]["layers"][0]["gates"]
            labels = [f"|{row}|" if row in ("cell", "hidden") else row for row in rows]
            values = np.array([of_model[row] for row in rows])
            _heat(each, values, (_SEQUENTIAL, Normalize(0, 0.9)), labels, numbers=True)
            each.set_title(NAMES[name], color=COLOURS[name])
            each.set_xticks(range(values.shape[1]), [])
        _tokens(axes[-1], text, models["lstm"])


def units(path: Path, text: str, models: Mapping[str, Explained]) -> None:
    """Every unit of the states of the three cells by token, units that end alike side by side."""
    with figure(path, (9.6, 6.4), rows=3, heights=(1, 1, 1)) as axes:
        for each, (name, row) in zip(axes, (("rnn", "hidden"), ("lstm", "cell"), ("gru", "hidden")), strict=True):
            values = np.array(models[name]["layers"][0]["per_unit"][row]).T
            values = values[np.argsort(values[:, -1])]
            each.imshow(values, cmap=_DIVERGING, norm=TwoSlopeNorm(0, -1, 1), aspect="auto", interpolation="nearest")
            what = "cell" if row == "cell" else "state"
            each.set(title=f"{NAMES[name]}: the {what} of each of its {len(values)} units", yticks=[])
            each.set_xticks(range(values.shape[1]), [])
            each.grid(visible=False)
        _tokens(axes[-1], text, models["lstm"])


def memory(path: Path, states: Mapping[str, Curve], answers: Mapping[str, Curve]) -> None:
    """How much the last state, and the answer, depend on a token k steps back."""
    with figure(path, (9.6, 4.0), columns=2) as (left, right):
        for axes, curves in ((left, states), (right, answers)):
            for name, curve in curves.items():
                steps = range(len(curve.middle))
                axes.fill_between(steps, curve.low, curve.high, color=COLOURS[name], alpha=0.14, lw=0)
                axes.plot(steps, curve.middle, color=COLOURS[name], lw=1.8, label=NAMES[name])
            axes.set_xlabel("steps back")
        left.set(yscale="log", title="What is left in the last state", ylabel="share of that of the last token")
        right.set(ylim=(0, None), title="What the answer depends on", ylabel="multiple of the average token")
        left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        left.legend()


def _heat(
    axes: Axes,
    values: NDArray[np.float64],
    colours: tuple[Colormap, Normalize],
    rows: Sequence[str],
    *,
    numbers: bool = False,
) -> None:
    colour_map, norm = colours
    axes.imshow(values, cmap=colour_map, norm=norm, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for row, column in np.ndindex(values.shape) if numbers else ():
        value = values[row, column]
        colour = "white" if norm(value) > 0.72 else INK
        axes.text(column, row, f"{value:.2f}"[1:], ha="center", va="center", fontsize=7.5, color=colour)


def _tokens(axes: Axes, text: str, model: Explained) -> None:
    """Write the tokens below the axes."""
    tokens = [text[token["start"] : token["end"]] for token in model["tokens"]]
    size = 9 if len(tokens) <= 15 else 8
    axes.set_xticks(range(len(tokens)), tokens, fontsize=size, color=INK)
