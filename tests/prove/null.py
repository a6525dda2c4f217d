"""Bar 2: of two arms of which neither is better, a winner is named in at most 5 per cent of the runs.

The arms give the answers that `gru` and `rnn` really give to reviews with known labels; which arm gives which is drawn
by a fair coin, text by text. The decision is asked for after every label. So is McNemar's test, as people do it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_store.layout import VersionRef
from service.experiments.decision import State
from service.experiments.observation import Outcome
from tests.prove.answers import answers, validation_reviews
from tests.prove.trials import ARMS, LABELS, Trial, decisions, observation, outcomes, two_arms

CRITICAL = 3.841458820694124
"""The 95th percentile of chi-squared with one degree of freedom."""

FIRST_LOOK = 10
"""Discordant pairs before McNemar's test is looked at."""

BAR, TEETH = 0.05, 0.30


class Size(NamedTuple):
    """How many runs, and of how many labels each."""

    runs: int
    labels: int


SMALL, FULL = Size(40, 1000), Size(2000, 5000)


@dataclass(frozen=True, slots=True)
class Texts:
    """Labelled texts with the answers of two models.

    Attributes:
        made: of each text, what `a` and `b` made of it: as they are, and swapped.
        truth: the label of each.
        difference: of each, +1 where only the first model is right, -1 where only the second is, else 0.
    """

    made: list[tuple[tuple[Outcome, ...], tuple[Outcome, ...]]]
    truth: list[str]
    difference: NDArray[np.int64]


class Draw(NamedTuple):
    """What chance decides in a run: the texts, whether their answers are swapped, and which arm serves."""

    texts: NDArray[np.int64]
    swapped: NDArray[np.int64]
    served: NDArray[np.int64]


class Found(NamedTuple):
    """What came of it: in how many runs a winner was named, the experiment called unhealthy, and McNemar fooled."""

    size: Size
    winners: int
    unhealthy: int
    mcnemar: int

    @property
    def limit(self) -> float:
        """The share of winners that a risk of 5 per cent stays below but for one time in a thousand."""
        return BAR + 3 * sqrt(BAR * (1 - BAR) / self.size.runs)


def real_texts() -> Texts:
    """Return the reviews of the validation part with the answers of `gru` and `rnn`."""
    reviews = validation_reviews()
    known = reviews.take(np.array([place for place, text in enumerate(reviews.texts) if text.strip()]))
    first, second = (answers(VersionRef(name, 1), known.texts) for name in ("gru", "rnn"))
    return texts_of(first, second, known.classes)


def texts_of(first: NDArray[np.float32], second: NDArray[np.float32], classes: NDArray[np.int64]) -> Texts:
    """Return texts with the probabilities (texts, 2) that two models gave them, and their true classes (texts,)."""
    pairs = [((a[0], a[1]), (b[0], b[1])) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    made = [(outcomes(a, b), outcomes(b, a)) for a, b in pairs]
    right = [(answered.argmax(axis=1) == classes).astype(np.int64) for answered in (first, second)]
    return Texts(made, [LABELS[place] for place in classes], right[0] - right[1])


def measure(texts: Texts, size: Size, seed: int = 4) -> Found:
    """Run the experiment `size.runs` times."""
    random = np.random.default_rng(seed)
    winners = unhealthy = fooled = 0
    for _ in range(size.runs):
        chosen = random.choice(len(texts.truth), size.labels, replace=False)
        draw = Draw(chosen, random.integers(2, size=size.labels), random.integers(2, size=size.labels))
        end = _end(texts, draw)
        winners += end is State.WINNER
        unhealthy += end is State.UNHEALTHY
        fooled += mcnemar_is_fooled(texts.difference[chosen] * (1 - 2 * draw.swapped))
    return Found(size, winners, unhealthy, fooled)


def mcnemar_is_fooled(differences: NDArray[np.int64]) -> bool:
    """Tell whether McNemar's test, without correction, rejects at any look from the tenth discordant pair on."""
    sums, discordant = np.cumsum(differences), np.cumsum(np.abs(differences))
    looked = discordant >= FIRST_LOOK
    return bool(np.any(sums[looked] ** 2 >= CRITICAL * discordant[looked]))


def main(size: Size) -> str:
    """Measure with the real answers, and say what was found."""
    return section(measure(real_texts(), size))


def section(found: Found) -> str:
    """Return what was found as Markdown."""
    runs = found.size.runs
    rows = [
        ("winner named by the service", found.winners, f"<= {found.limit:.2%}"),
        ("called unhealthy by the service", found.unhealthy, ""),
        ("significant by an uncorrected McNemar test", found.mcnemar, f"> {TEETH:.0%}"),
    ]
    lines = [f"| {name} | {count:,} | {count / runs:.2%} | {bar} |" for name, count, bar in rows]
    return "\n".join(
        [
            "## Two arms of which neither is better",
            "",
            f"{runs:,} runs of {found.size.labels:,} labels, looked at after every label; the answers of gru/1 and "
            "rnn/1 to reviews of NSMC, swapped text by text by a fair coin.",
            "",
            "| in a run, at any time | runs | share | bar |",
            "|---|---:|---:|---|",
            *lines,
        ]
    )


def _end(texts: Texts, draw: Draw) -> State:
    """Run once, until a winner is named: that stays."""
    state = State.INSUFFICIENT
    for recommendation in decisions(two_arms(), _trials(texts, draw)):
        state = recommendation.state
        if state is State.WINNER:
            break
    return state


def _trials(texts: Texts, draw: Draw) -> Iterator[Trial]:
    for text, swap, served in zip(*(column.tolist() for column in draw), strict=True):
        yield Trial(observation(str(text), ARMS[served], texts.made[text][swap]), texts.truth[text])
