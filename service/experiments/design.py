"""What the evidence of one phase is judged by: its arms, weights and thresholds. None of it changes within a phase."""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

Mode = Literal["split", "shadow", "shadow_randomized"]


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
        labels: the classes, in the order of the models' probabilities.
        alpha: the risk, in (0, 1), of naming a winner when there is none, however often anyone looks.
        margin: accuracies that differ by no more are equivalent.
        minimum_labels: how many trusted labels come before anything is said about accuracy.
        maturity_s: predictions younger than this do not count yet.
        latency_slo_s: answers should not take longer.
        latency_margin: an arm may miss that more often than another by this share of answers.
        error_margin: an arm may fail more often than another by this share of texts.
        running: False once it was stopped.
    """

    experiment: str
    phase: int
    mode: Mode
    arms: tuple[DesignArm, ...]
    labels: tuple[str, ...]
    alpha: float = 0.05
    margin: float = 0.01
    minimum_labels: int = 100
    maturity_s: float = 0.0
    latency_slo_s: float = 0.1
    latency_margin: float = 0.01
    error_margin: float = 0.01
    running: bool = True

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The arms of every comparison, by their places: (0, 1), (0, 2) and so on."""
        return tuple(combinations(range(len(self.arms)), 2))

    @property
    def alpha_each(self) -> float:
        """The risk left to each comparison, so that together they keep to `alpha` (Bonferroni)."""
        return self.alpha / len(self.pairs)

    @property
    def threshold(self) -> float:
        """The evidence that decides a comparison: comparisons / alpha (Ville's inequality)."""
        return len(self.pairs) / self.alpha

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
