"""What GET /metrics shows: for every metric, what all workers counted, the dead among them included."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from service.ledger import Ledger
from service.tallies import Combine, Family

AnyFamily = TypeVar("AnyFamily", bound=Family[Any])

Numbers = Mapping[tuple[str, ...], Sequence[float]]
"""The values of a metric's series, by the values of their labels."""


class Exposition(Collector):
    """Collects the numbers of all pages of a ledger, whichever worker is asked.

    Args:
        ledger: where they stand.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.families: list[Family[Any]] = []
        self.publishers: list[Callable[[], None]] = []
        """Asked for what is not written down when it changes."""
        self._ledger = ledger
        self._names = CollectorRegistry()

    def add(self, family: AnyFamily) -> AnyFamily:
        """Take on a metric.

        Raises:
            ValueError: if there is one of this name.
        """
        self._names.register(family)
        self.families.append(family)
        self.publishers.append(family.publish)
        return family

    def publish(self) -> None:
        """Write down, for whichever worker is asked, what is not written when it changes."""
        for publish in self.publishers:
            publish()

    def describe(self) -> Iterable[Metric]:
        """Name every metric."""
        for family in self.families:
            yield from family.describe()

    def collect(self) -> Iterator[Metric]:
        """Give every metric, the values of this worker being those of now."""
        self.publish()
        pages = self._ledger.read()
        workers = sum(page.worker for page in pages)
        by_name: dict[str, dict[tuple[str, ...], list[list[float]]]] = {}
        for page in pages:
            for series, cells in page.entries:
                by_name.setdefault(series.name, {}).setdefault(series.labels, []).append(cells)
        for family in self.families:
            yield family.metric(combined(by_name.get(family.name, {}), family, workers))


def combined(series: Mapping[tuple[str, ...], list[list[float]]], family: Family[Any], workers: int) -> Numbers:
    """Return the values of the series that at least one worker shows.

    Args:
        series: what every page has of it, `[shown, *values]`, by the values of the labels.
        family: says how they are combined. What only grows is added up, whether or not it is shown any longer.
        workers: how many there are.
    """
    found: dict[tuple[str, ...], Sequence[float]] = {}
    for labels in sorted(series):
        rows = series[labels]
        shown = [values for flag, *values in rows if flag]
        if not shown:
            continue
        if family.combine is None:
            found[labels] = [sum(column) for column in list(zip(*rows, strict=True))[1:]]
        else:
            found[labels] = [_COMBINE[family.combine]([value for [value] in shown], workers)]
    return found


def _every(values: Sequence[float], workers: int) -> float:
    return min(values) if len(values) == workers else 0.0


_COMBINE: Mapping[Combine, Callable[[Sequence[float], int], float]] = {
    "sum": lambda values, _: sum(values),
    "min": lambda values, _: min(values),
    "max": lambda values, _: max(values),
    "every": _every,
}
