"""What the evidence of one phase is judged by: its arms, weights and thresholds. None of it changes within a phase."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

Mode = Literal["split", "shadow", "shadow_randomized"]


@dataclass(frozen=True, slots=True)
class Guardrails:
    """What no arm may do, however good its labels: answer slowly or fail more often than the others.

    Attributes:
        latency_slo_s: answers should not take longer, in seconds.
        latency_margin: an arm may miss that more often than another by this share of its answers.
        error_margin: an arm may fail more often than another by this share of its texts.
    """

    latency_slo_s: float = 0.1
    latency_margin: float = 0.01
    error_margin: float = 0.01


@dataclass(frozen=True, slots=True)
class DesignArm:
    """One arm: its name, the version that answers for it, and its share of the traffic (shares add up to one)."""

    name: str
    model: str
    version: int
    share: float


@dataclass(frozen=True, slots=True)
class Design:
    """How one phase is run and judged.

    Attributes:
        experiment: its name.
        phase: its number, from 1.
        mode: how texts meet arms.
        arms: at least two.
        alpha: the risk, in (0, 1), of naming a winner when there is none, however often anyone looks.
        margin: accuracies that differ by no more are equivalent.
        minimum_labels: how many trusted labels come before anything is said about accuracy.
        maturity_s: predictions younger than this do not count yet.
        guardrails: what no arm may do.
        running: False once it was stopped.
    """

    experiment: str
    phase: int
    mode: Mode
    arms: tuple[DesignArm, ...]
    alpha: float
    margin: float
    minimum_labels: int
    maturity_s: float
    guardrails: Guardrails
    running: bool = True

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The arms of every comparison, by their places: (0, 1), (0, 2) and so on."""
        return tuple(combinations(range(len(self.arms)), 2))

    @property
    def paired(self) -> bool:
        """Whether every text meets every arm."""
        return self.mode != "split"

    @property
    def randomized(self) -> bool:
        """Whether chance decides who serves a text."""
        return self.mode != "shadow"

    @property
    def served_shares(self) -> tuple[float, ...]:
        """The share of units that each arm serves."""
        if self.randomized:
            return tuple(arm.share for arm in self.arms)
        return (1.0, *(0.0 for _ in self.arms[1:]))

    @classmethod
    def of_phase(cls, experiment: str, phase: int, stored: Mapping[str, Any], running: bool = True) -> "Design":
        """Return the design that was stored when a phase began (see `live.design_of`)."""
        weights = sum(arm["weight"] for arm in stored["arms"])
        arms = (DesignArm(arm["name"], arm["model"], arm["version"], arm["weight"] / weights) for arm in stored["arms"])
        plain = {name: stored[name] for name in ("mode", "alpha", "margin", "minimum_labels", "maturity_s")}
        guardrails = Guardrails(**stored["guardrails"])
        return cls(experiment, phase, arms=tuple(arms), guardrails=guardrails, running=running, **plain)
