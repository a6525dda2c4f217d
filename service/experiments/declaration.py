"""What an operator declares about experiments, in one TOML file."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from model_store.layout import NAME_PATTERN
from service.experiments.design import Guardrails, Mode
from service.experiments.fields import DeclarationError, Fields, Range
from service.metrics import LATENCY_S
from service.versions.orders import ALIAS_PATTERN, LATEST

DeclaredState = Literal["running", "stopped"]
"""What the operator wants of an experiment."""

COVERAGE = "coverage"
"""Stands where an arm's name stands when it is drawn who takes part, so no arm may be called so."""

EXPERIMENT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_SHARE = Range(0, 1)
_SHARE_ABOVE_0 = Range(0, 1, above=True)
_INSIDE_0_1 = Range(0, 1, above=True, below=True)
_WEIGHT = Range(1e-6, 1e6)
_YEAR_S = Range(0, 31_536_000)
_COUNT = Range(1, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the models that are compared.

    Attributes:
        name: how reports call it.
        model: the model that answers for it.
        version: its number or alias; None for the latest that is served.
        weight: its part of the traffic, beside the weights of the others.
    """

    name: str
    model: str
    version: int | str | None
    weight: float

    def __str__(self) -> str:
        version = LATEST if self.version is None else self.version
        return f"{self.name} ({self.model}/{version}) {self.weight:g}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One comparison, as it was declared.

    Attributes:
        name: unique in the file.
        arms: at least two; in the mode `shadow` the first one serves.
        state: whether it runs; at most one of the file does.
        mode: `split`: each text meets one arm; `shadow`: every arm, the first one serves; `shadow_randomized`: every
            arm, chance decides who serves.
        coverage: share of the units that take part, in (0, 1].
        margin: accuracies that differ by no more are equivalent.
        alpha: the risk, in (0, 1), of naming a winner when there is none.
        audit_share: share of the texts, in [0, 1], that are drawn for people to label.
        minimum_labels: how many trusted labels come before anything is said about accuracy.
        maturity_s: predictions younger than this, in seconds, do not count yet.
        guardrails: what no arm may do.
    """

    name: str
    arms: tuple[Arm, ...]
    state: DeclaredState = "running"
    mode: Mode = "shadow_randomized"
    coverage: float = 1.0
    margin: float = 0.01
    alpha: float = 0.05
    audit_share: float = 0.1
    minimum_labels: int = 100
    maturity_s: float = 0.0
    guardrails: Guardrails = field(default_factory=Guardrails)


def read(path: Path) -> tuple[Experiment, ...]:
    """Return the experiments of a file.

    Raises:
        DeclarationError: if it cannot be read, or as `parse`; with its path.
    """
    return decode(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, not yet understood; raise as `read`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DeclarationError(f"{path} cannot be read: {error.strerror}") from error


def decode(content: bytes, path: Path) -> tuple[Experiment, ...]:
    """Return the experiments of the content of a file; raise as `read`."""
    try:
        return parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DeclarationError(f"{path} is not UTF-8, from byte {error.start} on") from error
    except DeclarationError as error:
        raise DeclarationError(f"{path}: {error}") from error


def parse(text: str) -> tuple[Experiment, ...]:
    """Return the experiments that a text declares, in its order.

    Raises:
        DeclarationError: if it is no TOML, or says something unknown or not allowed.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, tables 1,000 deep
        raise DeclarationError(f"this is no TOML: {error}") from error
    tables = Fields("the file", document, {"experiment"}).tables("experiment")
    experiments = tuple(_experiment(table, number) for number, table in enumerate(tables, 1))
    _refuse_repeated("the file", "experiments", (experiment.name for experiment in experiments))
    running = [experiment.name for experiment in experiments if experiment.state == "running"]
    if len(running) > 1:
        raise DeclarationError(f'the file: {" and ".join(running)} are running; it must be one, set state = "stopped"')
    return experiments


def _experiment(table: Mapping[str, object], number: int) -> Experiment:
    place = f"experiment {table.get('name', number)!r:.70}"
    fields = Fields(place, table, Experiment.__slots__)
    arms = tuple(_arm(item, f"{place}, arm {place_in}") for place_in, item in enumerate(fields.tables("arms"), 1))
    if len(arms) < 2:
        raise fields.refusal("arms", "two or more, each under [[experiment.arms]]")
    _refuse_repeated(place, "arms", (arm.name for arm in arms))
    return Experiment(
        name=fields.word("name", EXPERIMENT_NAME),
        arms=arms,
        state=fields.choice("state", get_args(DeclaredState), "running"),
        mode=fields.choice("mode", get_args(Mode), "shadow_randomized"),
        coverage=fields.number("coverage", _SHARE_ABOVE_0, 1.0),
        margin=fields.number("margin", _INSIDE_0_1, 0.01),
        alpha=fields.number("alpha", _INSIDE_0_1, 0.05),
        audit_share=fields.number("audit_share", _SHARE, 0.1),
        minimum_labels=fields.whole("minimum_labels", _COUNT, 100),
        maturity_s=fields.number("maturity_s", _YEAR_S, 0.0),
        guardrails=_guardrails(fields.table("guardrails"), f"{place}, guardrails"),
    )


def _arm(table: Mapping[str, object], place: str) -> Arm:
    fields = Fields(place, table, Arm.__slots__)
    model = fields.word("model", NAME_PATTERN)
    name = fields.word("name", NAME_PATTERN, model)
    if name == COVERAGE:
        raise fields.refusal("name", f"another than {COVERAGE}, which is taken")
    return Arm(name, model, _version(fields, table.get("version", LATEST)), fields.number("weight", _WEIGHT, 1.0))


def _version(fields: Fields, value: object) -> int | str | None:
    if value == LATEST:
        return None
    if isinstance(value, str) and ALIAS_PATTERN.fullmatch(value):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value not in _COUNT:
        raise fields.refusal("version", f'a whole number {_COUNT}, an alias, or "{LATEST}"')
    return value


def _guardrails(table: Mapping[str, object], place: str) -> Guardrails:
    fields = Fields(place, table, Guardrails.__slots__)
    return Guardrails(
        latency_slo_s=float(fields.choice("latency_slo_s", LATENCY_S, 0.1)),
        latency_margin=fields.number("latency_margin", _SHARE, 0.01),
        error_margin=fields.number("error_margin", _SHARE, 0.01),
    )


def _refuse_repeated(place: str, what: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DeclarationError(f"{place}: two {what} have the name {repeated[0]}; give each its own `name`")
