"""What a part of the measurement found: figures with their spread, bars, charts, and the text around them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Spread(NamedTuple):
    """A figure as it came out of several rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise the values of the rounds."""
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def ratio(cls, above: Sequence[float], below: Sequence[float]) -> "Spread":
        """Summarise the ratios within each round, so that what changes between rounds cancels out."""
        return cls.of([one / other for one, other in zip(above, below, strict=True)])

    def __str__(self) -> str:
        if self.low == self.high:
            return short(self.median)
        return f"{short(self.median)} ({short(self.low)} to {short(self.high)})"


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that must be reached.

    Attributes:
        what: a line.
        must: the bar.
        aim: what one would like.
        unit: behind the figures, such as `x` for a ratio.
        measured: what was found; None if it could not be measured.
        at_least: whether more is better.
    """

    what: str
    must: float
    aim: float
    unit: str
    measured: Spread | None
    at_least: bool = True

    @property
    def verdict(self) -> str:
        """Say which of the two was reached, judged by the median."""
        if self.measured is None:
            return "not measured"
        sign = 1 if self.at_least else -1
        found = sign * self.measured.median
        return "aim" if found >= sign * self.aim else "must" if found >= sign * self.must else "missed"


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures worth a picture: one for each name; they may differ by powers of ten."""

    title: str
    unit: str
    figures: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Part:
    """A chapter of the results."""

    title: str
    text: str
    bars: list[Bar] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def short(value: float) -> str:
    """Return a number to three significant digits, without exponents."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}"
