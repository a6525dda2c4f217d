"""Which runs a sweep is made of: settings that take several values, all combinations or one setting at a time."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, get_args, get_type_hints

from training.config import TrainingConfig
from training.errors import ConfigError

MOST_RUNS = 200
"""More is a slip of the keyboard rather than a plan."""

Over = Mapping[str, Sequence[float]]
"""By the name of a setting, the values that it takes."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep.

    Attributes:
        name: of the run and its directory, such as `units=16,vocabulary=4000`.
        values: what the swept settings are in it.
        config: all settings.
    """

    name: str
    values: Mapping[str, float]
    config: TrainingConfig


def parse_over(given: Sequence[str]) -> dict[str, list[float]]:
    """Read `NAME=VALUE,VALUE,…` for each setting.

    Raises:
        ConfigError: if one has another form, is no number, or is swept twice.
    """
    over: dict[str, list[float]] = {}
    for each in given:
        name, equals, values = each.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals and values):
            raise ConfigError(f"--over must be NAME=VALUE,VALUE,…, found {each!r}")
        if name in over:
            raise ConfigError(f"--over names {name} twice; give all its values at once")
        kind = _numeric_type(name)
        try:
            over[name] = [kind(value) for value in values.split(",")]
        except ValueError as error:
            raise ConfigError(f"--over {name} needs numbers between commas: {error}") from error
    return over


def plan_runs(base: TrainingConfig, over: Over, *, one_at_a_time: bool = False) -> list[Point]:
    """Return the runs, each once, in order.

    Args:
        base: the settings that all have in common.
        over: what varies.
        one_at_a_time: vary one setting and leave the others as in `base`, instead of all combinations.

    Raises:
        ConfigError: if a value is out of range, or there are more than `MOST_RUNS`.
    """
    if one_at_a_time:
        own = {name: _own(base, name) for name in over}
        combinations = [own, *({**own, name: value} for name, values in over.items() for value in values)]
    else:
        combinations = [dict(zip(over, values, strict=True)) for values in product(*over.values())]
    points: dict[str, Point] = {}
    for values in combinations:
        name = ",".join(f"{setting}={value}" for setting, value in values.items())
        settings: dict[str, Any] = dict(values)
        points.setdefault(name, Point(name, values, replace(base, **settings)))
    if len(points) > MOST_RUNS:
        raise ConfigError(f"{len(points)} runs; at most {MOST_RUNS} are made in one sweep")
    return list(points.values())


def _own(base: TrainingConfig, name: str) -> float:
    value = getattr(base, name)
    if value is None:
        raise ConfigError(
            f"one setting at a time needs a value to come back to, and {name} has none; give one by its flag"
        )
    return float(value) if _numeric_type(name) is float else int(value)


def _numeric_type(name: str) -> Any:
    """Return int or float, whichever the setting takes."""
    hints = get_type_hints(TrainingConfig)
    numeric = [each for each, hint in hints.items() if _plain(hint) in (int, float)]
    if name not in numeric:
        raise ConfigError(f"{name!r} is no setting with a number; there are {', '.join(numeric)}")
    return _plain(hints[name])


def _plain(hint: Any) -> Any:
    return next(kind for kind in (get_args(hint) or (hint,)) if kind is not types.NoneType)
