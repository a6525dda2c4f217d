"""Bar 3: how soon a true gap of 3 points is found where two arms disagree on 10 per cent of the texts."""

from collections.abc import Iterator
from itertools import count
from math import inf
from typing import NamedTuple

import numpy as np

from service.experiments.decision import Recommendation, State
from tests.prove.trials import ARMS, Trial, decisions, observation, outcomes, two_arms

GAP, DISAGREEMENT, BOTH_RIGHT = 0.03, 0.10, 0.82

MEDIAN_BAR, EIGHTIETH_BAR = 1054, 1729
"""Labels; a fifth above what the sign e-process alone takes (reference, section 2.5)."""


class Size(NamedTuple):
    """How many runs."""

    runs: int


SMALL, FULL = Size(60), Size(1000)


class Found(NamedTuple):
    """What came of it.

    Attributes:
        size: of the proof.
        labels: until a winner was named, of each run.
        wrong: runs in which it was the wrong one.
        unhealthy: runs that were called unhealthy before, so that there was none.
    """

    size: Size
    labels: list[float]
    wrong: int
    unhealthy: int

    @property
    def median(self) -> float:
        """Labels within which half of the runs were decided."""
        return float(np.percentile(self.labels, 50))

    @property
    def eightieth(self) -> float:
        """Labels within which 80 per cent of the runs were decided."""
        return float(np.percentile(self.labels, 80))


def measure(size: Size, seed: int = 3) -> Found:
    """Run the experiment `size.runs` times, each until a winner is named."""
    random = np.random.default_rng(seed)
    ends = [_run(random) for _ in range(size.runs)]
    wrong = sum(end.arm == ARMS[1] for _, end in ends)
    return Found(size, [labels for labels, _ in ends], wrong, sum(end.arm is None for _, end in ends))


def main(size: Size) -> str:
    """Measure, and say what was found."""
    return section(measure(size))


def section(found: Found) -> str:
    """Return what was found as Markdown."""
    return "\n".join(
        [
            "## A gap of 3 points",
            "",
            f"{found.size.runs:,} runs of two arms that disagree on {DISAGREEMENT:.0%} of the texts, one being better "
            f"by {GAP * 100:.0f} points; looked at after every label, until a winner is named.",
            "",
            "| labels until the decision | | bar |",
            "|---|---:|---:|",
            f"| median | {found.median:,.0f} | {MEDIAN_BAR:,} |",
            f"| 80th percentile | {found.eightieth:,.0f} | {EIGHTIETH_BAR:,} |",
            f"| runs with the wrong winner | {found.wrong} | |",
            f"| runs called unhealthy before | {found.unhealthy} | |",
        ]
    )


def _run(random: np.random.Generator) -> tuple[float, Recommendation]:
    """Return what was decided, and after how many labels; after infinitely many if it was no winner."""
    for labels, recommendation in enumerate(decisions(two_arms(), _trials(random)), start=1):
        if recommendation.state is State.WINNER:
            return labels, recommendation
        if recommendation.state is State.UNHEALTHY:
            return inf, recommendation
    raise AssertionError("the trials never end")


def _trials(random: np.random.Generator) -> Iterator[Trial]:
    sure, unsure = (0.1, 0.9), (0.7, 0.3)
    made = [outcomes(a, b) for a, b in ((sure, unsure), (unsure, sure), (sure, sure), (unsure, unsure))]
    shares = np.cumsum([(DISAGREEMENT + GAP) / 2, (DISAGREEMENT - GAP) / 2, BOTH_RIGHT])
    for text in count():
        kind = int(np.searchsorted(shares, random.random(), side="right"))
        yield Trial(observation(str(text), ARMS[random.integers(2)], made[kind]), "positive")
