"""What of a declared experiment answers requests right now, and what makes two moments of it comparable."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import NamedTuple, get_args

from model_store.layout import VersionRef
from service.experiments.declaration import COVERAGE, Experiment
from service.experiments.observation import Reason


class Part(NamedTuple):
    """The part that a request takes in an experiment.

    Attributes:
        name: the experiment's.
        phase: its number.
        arm: whose answer the caller gets.
        reason: why that one.
    """

    name: str
    phase: int
    arm: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class LiveArm:
    """An arm with the version that answers for it now."""

    name: str
    ref: VersionRef
    weight: float


@dataclass(frozen=True, slots=True)
class Live:
    """The experiment that answers requests now; every change makes a new one, so a request sees one state of it.

    Attributes:
        experiment: as declared.
        phase: its number, from 1, the same in all workers.
        arms: in the order declared.
        coverage_salt: stands before a unit when it is drawn whether it takes part.
        arm_salts: the same for each arm.
        bounds: the share of the arm and of all before it; the last one is 1.
        parts: what requests can be to it, by the place of their arm and the reason.
    """

    experiment: Experiment
    phase: int
    arms: tuple[LiveArm, ...]
    coverage_salt: bytes = field(init=False, repr=False, compare=False)
    arm_salts: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    bounds: tuple[float, ...] = field(init=False, repr=False, compare=False)
    parts: Mapping[tuple[int, Reason], Part] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        name = self.experiment.name
        sums = list(accumulate(arm.weight for arm in self.arms))
        derived = {
            "coverage_salt": f"{name}:{COVERAGE}:".encode(),
            "arm_salts": tuple(f"{name}:{arm.name}:".encode() for arm in self.arms),
            "bounds": tuple(part / sums[-1] for part in sums),
            "parts": {
                (place, reason): Part(name, self.phase, arm.name, reason)
                for place, arm in enumerate(self.arms)
                for reason in get_args(Reason)
            },
        }
        for attribute, value in derived.items():
            object.__setattr__(self, attribute, value)


def design_of(experiment: Experiment, refs: Sequence[VersionRef]) -> dict[str, object]:
    """Return, as JSON knows it, all that the analysis depends on: all but the name and the state.

    Args:
        experiment: as declared.
        refs: the version of each arm, in their order.
    """
    design = asdict(experiment)
    del design["name"], design["state"]
    arms = zip(experiment.arms, refs, strict=True)
    design["arms"] = [
        {"name": arm.name, "model": ref.name, "version": ref.version, "weight": arm.weight} for arm, ref in arms
    ]
    return design


def fingerprint(experiment: Experiment, refs: Sequence[VersionRef]) -> str:
    """Return the SHA-256 (hexadecimal) of what `design_of` returns: another one makes another phase."""
    canonical = json.dumps(design_of(experiment, refs), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
