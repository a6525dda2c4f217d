"""What administrators decided: where aliases point, and which versions are loaded or not, whatever the policy says."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

from model_store.layout import NAME_PATTERN, VersionRef

STABLE = "stable"
"""The alias that answers where a request names a model and no version."""

LATEST = "latest"
"""Stands where an alias may stand, and means the newest version that is ready; so no alias may be called so."""

ALIAS_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Aliases = Mapping[tuple[str, str], VersionRef]
"""Where aliases point, by model and alias."""

_FORM = 1
_STEPS = 20
"""Targets that are remembered of an alias."""
LARGEST_VERSION = 999_999_999


class Step(NamedTuple):
    """A target of an alias.

    Attributes:
        version: its number.
        since: when it became the target, in UTC (ISO 8601).
    """

    version: int
    since: str


@dataclass(frozen=True, slots=True)
class Orders:
    """All that was decided; a change makes another one.

    Attributes:
        history: the targets of every alias by model and alias, the present one last.
        loaded: versions that are served beside what the policy wants.
        unloaded: versions that are not, although the policy would want them.
    """

    history: Mapping[tuple[str, str], tuple[Step, ...]] = field(default_factory=dict)
    loaded: frozenset[VersionRef] = frozenset()
    unloaded: frozenset[VersionRef] = frozenset()

    @property
    def aliases(self) -> Aliases:
        """Where every alias points."""
        return {(model, alias): VersionRef(model, steps[-1].version) for (model, alias), steps in self.history.items()}

    def pointed(self, model: str, alias: str, step: Step) -> "Orders":
        """Let an alias point to another version, or make it."""
        steps = (*self.history.get((model, alias), ()), step)[-_STEPS:]
        return replace(self, history={**self.history, (model, alias): steps})

    def rolled_back(self, model: str, alias: str) -> "Orders":
        """Let an alias point where it pointed before; it must have pointed somewhere."""
        return replace(self, history={**self.history, (model, alias): self.history[model, alias][:-1]})

    def without(self, model: str, alias: str) -> "Orders":
        """Remove an alias, and with it its history."""
        return replace(self, history={key: steps for key, steps in self.history.items() if key != (model, alias)})

    def with_loaded(self, ref: VersionRef, beside_policy: bool) -> "Orders":
        """Want a version; one that the policy wants anyway needs no order, lest it stay for ever."""
        loaded = self.loaded | {ref} if beside_policy else self.loaded
        return replace(self, loaded=loaded, unloaded=self.unloaded - {ref})

    def with_unloaded(self, ref: VersionRef) -> "Orders":
        """Do not want a version."""
        return replace(self, loaded=self.loaded - {ref}, unloaded=self.unloaded | {ref})

    def about(self, listed: Iterable[VersionRef]) -> "Orders":
        """Leave out orders to load or unload what is no longer in the store; aliases stay."""
        known = frozenset(listed)
        return replace(self, loaded=self.loaded & known, unloaded=self.unloaded & known)


def to_json(orders: Orders) -> str:
    """Return orders as they are kept."""
    aliases: dict[str, dict[str, list[dict[str, object]]]] = {}
    for (model, alias), steps in sorted(orders.history.items()):
        aliases.setdefault(model, {})[alias] = [step._asdict() for step in steps]
    document = {
        "form": _FORM,
        "aliases": aliases,
        "loaded": sorted(map(str, orders.loaded)),
        "unloaded": sorted(map(str, orders.unloaded)),
    }
    return json.dumps(document, indent=1) + "\n"


def from_json(text: str) -> Orders:
    """Return the orders that are written in `text`.

    Raises:
        ValueError: if it is not what `to_json` writes; the message says where.
    """
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    fields = _table(document, "the file")
    if fields.get("form") != _FORM:
        raise ValueError(f"form is {fields.get('form')!r:.20}; this release knows {_FORM}")
    if unknown := fields.keys() - {"form", "aliases", "loaded", "unloaded"}:
        raise ValueError(f"{min(unknown)!r:.40} is not known")
    history = {
        (_model(model), _alias(alias)): _steps(steps, f"{model}/{alias}")
        for model, aliases in _table(fields.get("aliases", {}), "aliases").items()
        for alias, steps in _table(aliases, f"the aliases of {model!r:.70}").items()
    }
    return Orders(history, _refs(fields.get("loaded", []), "loaded"), _refs(fields.get("unloaded", []), "unloaded"))


def _table(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} must be an object")
    return cast("Mapping[str, Any]", value)


def _model(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"{name!r:.70} is no name of a model")
    return name


def _alias(name: str) -> str:
    if not ALIAS_PATTERN.fullmatch(name) or name == LATEST:
        raise ValueError(f"{name!r:.40} is no alias; it must match {ALIAS_PATTERN.pattern} and not be {LATEST}")
    return name


def _version(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_VERSION:
        raise ValueError(f"{place}: {value!r:.40} is no version")
    return value


def _steps(value: object, place: str) -> tuple[Step, ...]:
    """Read a history; an operator who writes the file by hand may leave out when a step was."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"{place} must be a list of at least one step")
    tables = [_table(step, f"a step of {place}") for step in value]
    return tuple(Step(_version(step.get("version"), place), str(step.get("since", ""))) for step in tables)[-_STEPS:]


def _refs(value: object, place: str) -> frozenset[VersionRef]:
    if not isinstance(value, list):
        raise ValueError(f"{place} must be a list")
    found = set()
    for item in value:
        model, _, version = str(item).partition("/")
        number = int(version) if version.isascii() and version.isdigit() else None
        found.add(VersionRef(_model(model), _version(number, place)))
    return frozenset(found)
