"""Bar 4: traffic that is not split as declared is found, a clean split is not blamed, and corrections never decide."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from service.experiments.decision import State
from service.experiments.observation import LabelSource
from tests.prove.trials import ARMS, Trial, decisions, observation, outcomes, two_arms

UNITS = 16_000
SKEWED, CLEAN = 0.52, 0.5
FOUND_BAR, BLAMED_BAR = 0.90, 0.01

ACCURACY = 0.85
SOURCES: tuple[LabelSource, ...] = ("user", "audit")

COMPLAINTS, PRAISE = 0.30, 0.05
"""How often users give a label where the answer was wrong, and where it was right (reference, section 2.11)."""


class Size(NamedTuple):
    """How many runs of traffic, of how many units each; how many of corrections, of how many texts each."""

    runs: int
    units: int
    corrections: int
    texts: int


SMALL, FULL = Size(10, UNITS, 3, 4_000), Size(1_000, UNITS, 200, 20_000)


class Ends(NamedTuple):
    """How runs of corrections ended, and in how many a winner was ever named."""

    unhealthy: int
    winners: int


class Found(NamedTuple):
    """What came of it.

    Attributes:
        size: of the proof.
        skewed: runs of a 52/48 split that were found.
        clean: runs of a 50/50 split that were blamed.
        corrections: runs where users correct the arm that served.
        disguised: the same, where their corrections are sent in as if by auditors.
    """

    size: Size
    skewed: int
    clean: int
    corrections: Ends
    disguised: Ends


def measure(size: Size, seed: int = 2) -> Found:
    """Run both kinds of experiment."""
    random = np.random.default_rng(seed)
    skewed, clean = (
        sum(_found(_traffic(random, share, size.units)) for _ in range(size.runs)) for share in (SKEWED, CLEAN)
    )
    by_users, disguised = (
        _ends([_correct(random, source, size.texts) for _ in range(size.corrections)]) for source in SOURCES
    )
    return Found(size, skewed, clean, by_users, disguised)


def main(size: Size) -> str:
    """Measure, and say what was found."""
    return section(measure(size))


def section(found: Found) -> str:
    """Return what was found as Markdown."""
    size = found.size
    rows = [
        (f"traffic split 52/48: found within {size.units:,} units", found.skewed, size.runs, f">= {FOUND_BAR:.0%}"),
        (f"traffic split 50/50: blamed within {size.units:,} units", found.clean, size.runs, f"<= {BLAMED_BAR:.0%}"),
        ("corrections by users only: end in unhealthy", found.corrections.unhealthy, size.corrections, "100%"),
        ("corrections by users only: a winner at any time", found.corrections.winners, size.corrections, "0%"),
        ("the same sent as audit: end in unhealthy", found.disguised.unhealthy, size.corrections, ""),
        ("the same sent as audit: a winner at any time", found.disguised.winners, size.corrections, ""),
    ]
    return "\n".join(
        [
            "## Experiments that are not sound",
            "",
            f"Looked at after every unit and every label. Users give a label for {COMPLAINTS:.0%} of the wrong answers "
            f"and {PRAISE:.0%} of the right ones, of two arms of which neither is better; {size.texts:,} texts a run.",
            "",
            "| | runs | of | share | bar |",
            "|---|---:|---:|---:|---|",
            *(f"| {name} | {count:,} | {runs:,} | {count / runs:.1%} | {bar} |" for name, count, runs, bar in rows),
        ]
    )


def _found(trials: Iterator[Trial]) -> bool:
    return any(recommendation.state is State.UNHEALTHY for recommendation in decisions(two_arms(), trials))


def _traffic(random: np.random.Generator, share: float, units: int) -> Iterator[Trial]:
    """Yield unlabelled texts of `units` clients, of which the first arm gets a share."""
    made = outcomes((0.1, 0.9), (0.2, 0.8))
    for unit, draw in enumerate(random.random(units).tolist()):
        yield Trial(observation(str(unit), ARMS[draw >= share], made), None)


def _correct(random: np.random.Generator, source: LabelSource, texts: int) -> list[State]:
    return [recommendation.state for recommendation in decisions(two_arms(), _corrections(random, source, texts))]


def _ends(runs: list[list[State]]) -> Ends:
    return Ends(sum(run[-1] is State.UNHEALTHY for run in runs), sum(State.WINNER in run for run in runs))


def _corrections(random: np.random.Generator, source: LabelSource, texts: int) -> Iterator[Trial]:
    """Yield texts that are all positive, of which two arms get 85 per cent right, each its own."""
    sure, unsure = (0.1, 0.9), (0.7, 0.3)
    for text in range(texts):
        right = random.random(2) < ACCURACY
        served = int(random.integers(2))
        made = outcomes(*(sure if each else unsure for each in right))
        labelled = random.random() < (PRAISE if right[served] else COMPLAINTS)
        yield Trial(observation(str(text), ARMS[served], made), "positive" if labelled else None, source)
