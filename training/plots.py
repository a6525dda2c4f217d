"""One function per figure. Each draws on given axes; `save` puts it into a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from training.behaviour import Behaviour
from training.evaluation import Evaluation, Slice
from training.history import Epoch, best

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
PALETTE = ("#3b6fb6", "#d9822b", "#2f9e77", "#a6559d", "#c0392b", "#7f8c8d")
_STYLE: dict[Any, Any] = {
    "font.family": "NanumGothic",
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": 600,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "svg.hashsalt": "nunchi",
}

_COLOURS = 128
"""Of a picture: a third of the bytes that it takes with all of them."""

Draw = Callable[[Axes], None]


def save(path: Path, draw: Draw, *, width: float = 6.4, height: float = 4.0) -> None:
    """Draw one figure, `width` by `height` inches, into a PNG file."""
    with figure(path, (width, height)) as (axes,):
        draw(axes)


@contextmanager
def figure(
    path: Path, inches: tuple[float, float], *, rows: int = 1, columns: int = 1, heights: Sequence[float] | None = None
) -> Iterator[Sequence[Axes]]:
    """Give the axes of a figure, row by row, and write it into a PNG file when the block ends.

    Args:
        path: of the file.
        inches: width and height of the figure.
        rows: of axes.
        columns: of axes.
        heights: of the rows, in proportion; all the same if None.
    """
    _use_korean_font()
    with mpl.rc_context(_STYLE):
        whole = Figure(figsize=inches, layout="constrained", dpi=110)
        yield list(whole.subplots(rows, columns, squeeze=False, height_ratios=heights).flat)
        drawn = BytesIO()
        whole.savefig(drawn, metadata={"Software": None})
        Image.open(drawn).convert("RGB").quantize(_COLOURS).save(path, "PNG", optimize=True)


def learning_curves(epochs: Sequence[Epoch], choose_by: str) -> Draw:
    """Accuracy on training and validation rows by epoch; the one that was chosen by this figure is marked."""

    def draw(axes: Axes) -> None:
        numbers = [epoch.number for epoch in epochs]
        axes.plot(numbers, [epoch.accuracy for epoch in epochs], "o--", color=MUTED, label="training")
        axes.plot(numbers, [epoch.validation_accuracy for epoch in epochs], "o-", color=PALETTE[0], label="validation")
        chosen = best(epochs, choose_by)
        late = chosen.number > len(epochs) / 2
        axes.axvline(chosen.number, color=PALETTE[1], lw=1)
        axes.annotate(
            f"chosen: {chosen.validation_accuracy:.4f}",
            (chosen.number, chosen.validation_accuracy),
            xytext=(-6 if late else 6, -14),
            textcoords="offset points",
            ha="right" if late else "left",
            color=PALETTE[1],
        )
        axes.set(title="Learning curves", xlabel="epoch", ylabel="accuracy", xticks=numbers)
        axes.legend()

    return draw


def confusion(evaluation: Evaluation, labels: Sequence[str]) -> Draw:
    """Counts of true against given classes, shaded by the share of the true class."""

    def draw(axes: Axes) -> None:
        counts = np.array(evaluation.confusion)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            shade = "white" if shares[row, column] > 0.5 else INK
            text = f"{count:,}\n{shares[row, column]:.1%}"
            axes.text(column, row, text, ha="center", va="center", color=shade)
        axes.set(title="Confusion", xlabel="given", ylabel="true")
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yticks(range(len(labels)), labels)
        axes.grid(visible=False)

    return draw


def by_length(evaluation: Evaluation) -> Draw:
    """Accuracy by number of units."""
    return _sliced(evaluation.by_length, "Accuracy by length", "units", "{:.0f}")


def by_unknown(evaluation: Evaluation) -> Draw:
    """Accuracy by share of unknown units."""
    return _sliced(evaluation.by_unknown, "Accuracy by share of unknown units", "share unknown", "{:.0%}")


def memory(curves: Mapping[str, Sequence[float]]) -> Draw:
    """Memory curves of one model or several, each relative to its latest token."""

    def draw(axes: Axes) -> None:
        relative = {name: np.array(curve) / curve[0] for name, curve in curves.items()}
        for color, (name, curve) in zip(PALETTE, relative.items(), strict=False):
            axes.plot(range(len(curve)), curve, color=color, lw=2, label=name)
        if min(curve.min() for curve in relative.values()) < 0.05:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
        else:
            axes.set_ylim(bottom=0)
        axes.set(
            title="How much the answer depends on a token k steps back",
            xlabel="k, steps before the end",
            ylabel="gradient norm, relative to k = 0",
        )
        if len(curves) > 1:
            axes.legend()

    return draw


def examples(texts: Sequence[str], probabilities: Sequence[float], label: str) -> Draw:
    """Probability of one class for each of a few texts."""

    def draw(axes: Axes) -> None:
        places = np.arange(len(texts))[::-1]
        colors = [PALETTE[2] if each >= 0.5 else PALETTE[4] for each in probabilities]
        axes.barh(places, probabilities, color=colors, height=0.6)
        axes.axvline(0.5, color=MUTED, lw=1)
        shown = [text if len(text) <= 28 else text[:27] + "…" for text in texts]
        axes.set_yticks(places, [text.replace("$", r"\$") for text in shown])
        axes.tick_params(axis="y", colors=INK)
        axes.set(title=f"Probability of “{label}”", xlim=(0, 1))
        axes.grid(visible=False, axis="y")

    return draw


def behaviour(found: Behaviour) -> Draw:
    """Share of behaviour tests passed by category, with its 95% interval."""

    def draw(axes: Axes) -> None:
        places = np.arange(len(found.shares))[::-1]
        shares = [each.share for each in found.shares]
        colors = [PALETTE[0] if each.category == "all" else PALETTE[2] for each in found.shares]
        axes.barh(places, shares, color=colors, height=0.6)
        spread = [[each.share - each.low for each in found.shares], [each.high - each.share for each in found.shares]]
        axes.errorbar(shares, places, xerr=np.maximum(spread, 0), fmt="none", ecolor=INK, elinewidth=1, capsize=2)
        names = [f"{each.category.replace('_', ' ')}  {each.passed}/{each.tests}" for each in found.shares]
        axes.set_yticks(places, names)
        axes.tick_params(axis="y", colors=INK)
        axes.set(title="Behaviour tests passed", xlabel="share, with its 95% interval", xlim=(0, 1.02))
        axes.grid(visible=False, axis="y")

    return draw


def _sliced(slices: Sequence[Slice], title: str, what: str, form: str) -> Draw:
    def draw(axes: Axes) -> None:
        names = [f"≤ {form.format(each.high)}" if each.high is not None else "more" for each in slices]
        places = range(len(slices))
        axes.bar(places, [each.accuracy for each in slices], color=PALETTE[0], width=0.62)
        for place, each in enumerate(slices):
            label = f"{each.accuracy:.3f}\n{each.rows:,} texts"
            axes.text(place, each.accuracy, label, ha="center", va="bottom", fontsize=8)
        lowest = min(each.accuracy for each in slices)
        axes.set(title=title, xlabel=what, ylabel="accuracy", ylim=(max(0.0, lowest - 0.1), 1.04))
        axes.set_xticks(places, names)
        axes.grid(visible=False, axis="x")

    return draw


def _use_korean_font() -> None:
    """Make the Korean font of the package that carries it known to matplotlib, without importing that package."""
    package = find_spec("koreanize_matplotlib")
    if "NanumGothic" in font_manager.get_font_names() or package is None or package.origin is None:
        return
    for name in ("NanumGothic.ttf", "NanumGothicBold.ttf"):
        font_manager.fontManager.addfont(Path(package.origin).parent / "fonts" / name)
