"""Counters, histograms and gauges for the hot path, whose numbers stand in a ledger.

prometheus_client's histogram takes 1.7 microseconds for an observation, its counter 0.9 (a lock each, a walk over the
buckets); a request makes about a dozen. These take 0.2 and 0.1: they are written by one thread only, the event loop's.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Generic, Literal, NamedTuple, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from service.ledger import Cells, Kept, Ledger, Series

Combine = Literal["sum", "min", "max", "every"]
"""How the gauges of several workers become one; `every`: the least, taken for 0 where a worker has none."""


class Declared(NamedTuple):
    """What a metric is called, what it says in one sentence, and the names of its labels."""

    name: str
    documentation: str
    labels: Sequence[str] = ()


class _Child:
    """One series; `cells` are its numbers as `service.ledger` lays them out."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def show(self, shown: bool) -> None:
        """Let the series be exported, or not. It keeps its numbers: a counter never goes down."""
        self._cells[0] = float(shown)


class Counter(_Child):
    """A number that only grows."""

    __slots__ = ()

    @property
    def value(self) -> float:
        """What was counted so far."""
        return self._cells[1]

    def add(self, amount: float = 1.0) -> None:
        """Count `amount` more."""
        self._cells[1] += amount

    def reach(self, value: float) -> None:
        """Write down what was counted elsewhere, from zero."""
        self._cells[1] = value


class Gauge(_Child):
    """A number that goes up and down."""

    __slots__ = ("_function",)

    def __init__(self, cells: Cells) -> None:
        super().__init__(cells)
        self._function: Callable[[], float] | None = None

    def show(self, shown: bool) -> None:
        """Let the series be exported; or not, and let go of what would give its value."""
        super().show(shown)
        if not shown:
            self._function = None

    def set(self, value: float) -> None:
        """Write down the value."""
        self._cells[1] = value

    def set_function(self, function: Callable[[], float]) -> None:
        """Ask a function for the value each time that it is published."""
        self._function = function

    def publish(self) -> None:
        """Write down the value of now."""
        if self._function is not None:
            self._cells[1] = self._function()


class Histogram(_Child):
    """How many observations fell into each bucket, and their sum: it stands first, the buckets after it."""

    __slots__ = ("_bounds", "_counts")

    def __init__(self, cells: Cells, bounds: Sequence[float]) -> None:
        super().__init__(cells)
        self._bounds = bounds
        self._counts = cells[2:]

    def observe(self, value: float) -> None:
        """Count `value` in the bucket of the least bound that is not below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._cells[1] += value

    def reach(self, counts: Sequence[int], total: float) -> None:
        """Write down what was observed elsewhere, from zero: how much fell into each bucket, and the sum."""
        for bucket, count in enumerate(counts):
            self._counts[bucket] = count
        self._cells[1] = total


Child = TypeVar("Child", Counter, Gauge, Histogram)


class Family(Collector, Generic[Child]):
    """A metric with its labels: one child for every set of label values.

    Args:
        ledger: where the numbers stand.
        declared: name, documentation and labels.
        kept: what becomes of a series whose worker died.
    """

    combine: Combine | None = None
    """How values become one; None: they only grow, and are added up, those of dead workers too."""

    def __init__(self, ledger: Ledger, declared: Declared, kept: Kept = "always") -> None:
        self.name = declared.name
        self.label_names = tuple(declared.labels)
        self._documentation = declared.documentation
        self._ledger = ledger
        self._kept: Kept = kept
        self._children: dict[tuple[str, ...], Child] = {}

    def labels(self, *values: str) -> Child:
        """Return the child of these label values, made at the first call, and show it."""
        child = self._children.get(values)
        if child is None:
            if len(values) != len(self.label_names):
                raise ValueError(f"{self.name} has the labels {self.label_names}, got {len(values)} values")
            cells = self._ledger.reserve(Series(self.name, values, 1 + self._size(), self._kept))
            child = self._children[values] = self._new(cells)
        child.show(True)
        return child

    def remove(self, *first_values: str) -> None:
        """Show no longer the children whose label values begin with these."""
        for values, child in self._children.items():
            if values[: len(first_values)] == first_values:
                child.show(False)

    def publish(self) -> None:
        """Write down what is not written when it changes."""

    def describe(self) -> Iterable[Metric]:
        """Name the metric, so that a registry refuses a second one of this name."""
        yield self._metric()

    def collect(self) -> Iterator[Metric]:
        """Give nothing: `service.exposition` gives the numbers of all workers."""
        yield from ()

    def metric(self, numbers: Mapping[tuple[str, ...], Sequence[float]]) -> Metric:
        """Return the metric with these values, by the values of its labels."""
        raise NotImplementedError

    def _size(self) -> int:
        return 1

    def _new(self, cells: Cells) -> Child:
        raise NotImplementedError

    def _metric(self) -> Metric:
        raise NotImplementedError


class CounterFamily(Family[Counter]):
    """Counters; the name ends in `_total`."""

    def metric(self, numbers: Mapping[tuple[str, ...], Sequence[float]]) -> Metric:
        """Return the metric with these values."""
        metric = self._metric()
        for labels, [value] in numbers.items():
            metric.add_metric(labels, value)
        return metric

    def _new(self, cells: Cells) -> Counter:
        return Counter(cells)

    def _metric(self) -> CounterMetricFamily:
        return CounterMetricFamily(self.name, self._documentation, labels=self.label_names)


class GaugeFamily(Family[Gauge]):
    """Gauges of living workers, combined as their declaration says."""

    def __init__(self, ledger: Ledger, declared: Declared, combine: Combine) -> None:
        super().__init__(ledger, declared, "never")
        self.combine = combine

    def publish(self) -> None:
        """Write down the values that functions give."""
        for child in list(self._children.values()):
            child.publish()

    def metric(self, numbers: Mapping[tuple[str, ...], Sequence[float]]) -> Metric:
        """Return the metric with these values."""
        metric = self._metric()
        for labels, [value] in numbers.items():
            metric.add_metric(labels, value)
        return metric

    def _new(self, cells: Cells) -> Gauge:
        return Gauge(cells)

    def _metric(self) -> GaugeMetricFamily:
        return GaugeMetricFamily(self.name, self._documentation, labels=self.label_names)


class HistogramFamily(Family[Histogram]):
    """Histograms with the same upper bounds, in ascending order; a last bucket takes what is above them."""

    def __init__(self, ledger: Ledger, declared: Declared, bounds: Sequence[float], kept: Kept = "always") -> None:
        super().__init__(ledger, declared, kept)
        self._bounds = tuple(bounds)
        self._bound_names = [*map(floatToGoString, self._bounds), "+Inf"]

    def metric(self, numbers: Mapping[tuple[str, ...], Sequence[float]]) -> Metric:
        """Return the metric with these values, cumulated as Prometheus wants them."""
        metric = self._metric()
        for labels, [total, *counts] in numbers.items():
            metric.add_metric(labels, self._cumulated(counts), sum_value=total)
        return metric

    def _cumulated(self, counts: Sequence[float]) -> list[tuple[str, float]]:
        return list(zip(self._bound_names, accumulate(counts), strict=True))

    def _size(self) -> int:
        return 1 + len(self._bound_names)

    def _new(self, cells: Cells) -> Histogram:
        return Histogram(cells, self._bounds)

    def _metric(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self.name, self._documentation, labels=self.label_names)
