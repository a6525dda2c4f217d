"""Keeps a flood of lines of one kind from costing what the requests need, and from hiding the others."""

import logging
from collections.abc import Callable, Hashable
from time import monotonic

PER_S = 20
"""Lines of one kind that are written in a second; the next one tells how many more there were."""


class Budget:
    """Lets the first lines of each kind pass in every second, and counts the others.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._passed: dict[Hashable, int] = {}
        self._held: dict[Hashable, int] = {}

    def take(self, kind: Hashable) -> int | None:
        """Return how many lines of a kind were held back since the last that passed; None if this one is held back.

        Args:
            kind: one of a closed set, since each is remembered.
        """
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._passed.clear()
        passed = self._passed.get(kind, 0)
        if passed >= PER_S:
            self._held[kind] = self._held.get(kind, 0) + 1
            return None
        self._passed[kind] = passed + 1
        return self._held.pop(kind, 0)


class BudgetFilter(logging.Filter):
    """Applies a budget to the lines of a handler; those that pass get a field `unlogged` if others did not.

    Args:
        exempt: the name of a logger whose lines all pass.
        budget: what lets them pass.
    """

    def __init__(self, exempt: str, budget: Budget | None = None) -> None:
        super().__init__()
        self._exempt = exempt
        self._budget = budget or Budget()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is written."""
        if record.name == self._exempt:
            return True
        held = self._budget.take((record.name, record.msg))
        if held:
            record.unlogged = held
        return held is not None
