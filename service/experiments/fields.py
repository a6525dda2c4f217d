"""Values of one TOML table, checked as they are taken out; an error says its place, its key and what is allowed."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from service.errors import StartError
from service.settings import nearest_or_all

_Choice = TypeVar("_Choice", bound=str | float)


class DeclarationError(StartError):
    """The file of experiments is not what it should be; the message says where, and what is allowed there."""


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from `low` to `high`; `above` and `below` say that the bound itself is not allowed."""

    low: float
    high: float
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        after = value > self.low if self.above else value >= self.low
        before = value < self.high if self.below else value <= self.high
        return after and before

    def __str__(self) -> str:
        low = f"above {self.low:.12g}" if self.above else f"from {self.low:.12g}"
        high = f"below {self.high:.12g}" if self.below else f"to {self.high:.12g}"
        return f"{low} {high}"


class Fields:
    """One table.

    Args:
        place: how its errors begin: which experiment, which arm.
        values: as TOML has them.
        known: every key that may be there.

    Raises:
        DeclarationError: if there is another key.
    """

    def __init__(self, place: str, values: Mapping[str, object], known: Collection[str]) -> None:
        self.place = place
        self._values = values
        for key in values:
            if key not in known:
                raise DeclarationError(f"{place}: unknown key {key!r}; {nearest_or_all(key, known)}")

    def number(self, key: str, allowed: Range, default: float) -> float:
        """Return a number; a whole one will do, a truth value will not."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in allowed:
            raise self.refusal(key, f"a number {allowed}")
        return float(value)

    def whole(self, key: str, allowed: Range, default: int) -> int:
        """Return a whole number."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise self.refusal(key, f"a whole number {allowed}")
        return value

    def choice(self, key: str, choices: Sequence[_Choice], default: _Choice) -> _Choice:
        """Return one of several values."""
        value = self._values.get(key, default)
        for choice in choices:
            if value == choice and not isinstance(value, bool):
                return choice
        raise self.refusal(key, f"one of {', '.join(map(str, choices))}")

    def word(self, key: str, pattern: re.Pattern[str], default: str | None = None) -> str:
        """Return a name; without a default it must be there."""
        value = self._values.get(key, default)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.refusal(key, f"a name that matches {pattern.pattern}")
        return value

    def table(self, key: str) -> Mapping[str, object]:
        """Return a table inside this one; an empty one if it is not there."""
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.refusal(key, "a table")
        return value

    def tables(self, key: str) -> Sequence[Mapping[str, object]]:
        """Return the tables of a list; none if it is not there."""
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.refusal(key, "a list of tables, each under a heading in double brackets")
        return value

    def refusal(self, key: str, allowed: str) -> DeclarationError:
        """Return the error for a key whose value is not what is allowed."""
        found = f"{self._values[key]!r:.60}" if key in self._values else "missing"
        return DeclarationError(f"{self.place}: {key} is {found}; it must be {allowed}")
