"""Plots as SVG: they inherit the colours of the page, say what they show in words, and load nothing."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 720, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 40

_REACH = 4
"""How far the axis goes, in half widths of the last interval: the first ones are as wide as can be and say nothing."""

_AROUND = 1.5
"""The same in margins."""

Say = Callable[[str], str]
"""Says an English text in the language of the page."""


def interval_over_labels(points: Sequence[dict[str, Any]], margin: float, title: str, say: Say) -> str:
    """Draw how a confidence sequence narrowed.

    Args:
        points: at least one `{"labels", "delta", "lower", "upper"}`, by labels.
        margin: differences within it are none.
        title: what is compared, in the language of the page.
        say: says all else in it.
    """
    last = points[-1]
    reach = _REACH * (last["upper"] - last["lower"]) / 2
    bottom, top = min(-_AROUND * margin, last["delta"] - reach), max(_AROUND * margin, last["delta"] + reach)
    frame = _Frame((points[0]["labels"], max(last["labels"], points[0]["labels"] + 1)), (bottom, top))
    band = [frame.at(point["labels"], point["upper"]) for point in points]
    band += [frame.at(point["labels"], point["lower"]) for point in reversed(points)]
    line = " ".join(frame.at(point["labels"], point["delta"]) for point in points)
    words = (
        f"After {last['labels']} labels the difference is {last['delta']:+.4f}, "
        f"between {last['lower']:+.4f} and {last['upper']:+.4f}; equivalent is within {margin:g} of zero."
    )
    marks = [
        frame.rectangle(-margin, margin, "margin"),
        f'<polygon class="band" points="{" ".join(band)}"/>',
        frame.rule(0.0, "zero"),
        f'<polyline class="line" points="{line}"/>',
        frame.axes(say("labels"), say("difference of accuracies")),
    ]
    return _svg(title, say(words), marks, _HEIGHT)


def shares(rows: Sequence[tuple[str, float, float]], title: str, say: Say) -> str:
    """Draw, for each `(name, share, expected share)`, a bar and a mark where it should end; `say` is as above."""
    bars, words = [], []
    span = _WIDTH - 2 * _LEFT - _RIGHT
    for row, (name, share, expected) in enumerate(rows):
        y = _TOP + 32 * row
        bars.append(
            f'<text x="{2 * _LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar" x="{2 * _LEFT}" y="{y}" width="{span * share:.1f}" height="22"/>'
            f'<line class="mark" x1="{2 * _LEFT + span * expected:.1f}" x2="{2 * _LEFT + span * expected:.1f}" '
            f'y1="{y - 4}" y2="{y + 26}"/>'
        )
        words.append(say(f"{name} {share:.1%}, expected {expected:.1%}"))
    return _svg(title, "; ".join(words), bars, _TOP + 32 * len(rows) + 8)


class _Frame:
    """The area of a plot: turns values into places.

    Args:
        across: the range of the horizontal axis.
        up: that of the vertical one; not empty.
    """

    def __init__(self, across: tuple[float, float], up: tuple[float, float]) -> None:
        self._across, self._up = across, up

    def at(self, across: float, up: float) -> str:
        """Return a point as `x,y`."""
        return f"{self._x(across):.1f},{self._y(up):.1f}"

    def rectangle(self, lower: float, upper: float, name: str) -> str:
        """Return an area between two values, from side to side."""
        top, bottom = self._y(upper), self._y(lower)
        width = _WIDTH - _LEFT - _RIGHT
        return f'<rect class="{name}" x="{_LEFT}" y="{top:.1f}" width="{width}" height="{bottom - top:.1f}"/>'

    def rule(self, up: float, name: str) -> str:
        """Return a line at a value, from side to side."""
        y = f"{self._y(up):.1f}"
        return f'<line class="{name}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'

    def axes(self, across: str, up: str) -> str:
        """Return the names of both axes and the ends of their ranges."""
        floor, middle = _HEIGHT - _BOTTOM, (_TOP + _HEIGHT - _BOTTOM) / 2
        low, high = self._up
        ticks = "".join(
            f'<text x="{_LEFT - 6}" y="{self._y(value) + 4:.1f}" text-anchor="end">{value:+.3f}</text>'
            for value in (low, 0.0, high)
        )
        return (
            f'{ticks}<text x="{_LEFT}" y="{floor + 16}">{self._across[0]:g}</text>'
            f'<text x="{_WIDTH - _RIGHT}" y="{floor + 16}" text-anchor="end">{self._across[1]:g}</text>'
            f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{across}</text>'
            f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{up}</text>'
        )

    def _x(self, across: float) -> float:
        first, last = self._across
        return _LEFT + (across - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def _y(self, up: float) -> float:
        low, high = self._up
        return _HEIGHT - _BOTTOM - (min(max(up, low), high) - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)


def _svg(title: str, words: str, marks: Sequence[str], height: float) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {height:g}"><title>{escape(title)}</title>'
        f"<desc>{escape(words)}</desc>{''.join(marks)}</svg>"
    )
