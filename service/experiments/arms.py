"""What is known of one arm: its answers, how long they took, how sure they were, and how often they were right."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from service.experiments.observation import LabelSource, Outcome
from service.statistics import scores

CALIBRATION_BINS = 5
"""Equal parts of the range that the probability of the given label can have."""

NOT_TRIED = frozenset({"dropped", "not_ready"})
"""The errors of outcomes for which the arm is not to blame: it was never asked."""


class Judged(NamedTuple):
    """A labelled answer.

    Attributes:
        right: whether it was the true label.
        brier: half the squared distance between its probabilities and the truth, in [0, 1].
        confidence: the probability of the label it gave.
        chance: the least that this can be, one by the number of classes.
    """

    right: bool
    brier: float
    confidence: float
    chance: float


@dataclass(slots=True)
class Bin:
    """Labelled answers of similar confidence: how many, how many right, and the sum of their confidence."""

    labelled: int = 0
    right: int = 0
    confidence: float = 0.0

    def add(self, judged: Judged) -> None:
        """Count a labelled answer."""
        self.labelled += 1
        self.right += judged.right
        self.confidence += judged.confidence


@dataclass(slots=True)
class ArmTally:
    """Sums over the texts that count; from them every figure of the arm follows.

    Attributes:
        bins: labelled answers by their confidence, from the least to the most.
        failures: texts without an answer, by the reason.
        latencies_us: of the answers it served, waiting included.
        shadow_us: of the answers it gave in the shadow, where nobody waits: not comparable with the former.
        confidence: sum of the probabilities of the labels it gave.
        labelled: answers whose true label a trusted source gave.
        right: those of them that were right.
        brier: sum of their Brier scores.
        sources: how many labels each source gave.
        reported: answers it served that users gave a label for.
        reported_right: those of them that users confirmed.
    """

    bins: list[Bin] = field(default_factory=lambda: [Bin() for _ in range(CALIBRATION_BINS)])
    failures: Counter[str] = field(default_factory=Counter)
    latencies_us: "array[int]" = field(default_factory=lambda: array("Q"))
    shadow_us: "array[int]" = field(default_factory=lambda: array("Q"))
    confidence: float = 0.0
    labelled: int = 0
    right: int = 0
    brier: float = 0.0
    sources: Counter[str] = field(default_factory=Counter)
    reported: int = 0
    reported_right: int = 0

    @property
    def served(self) -> int:
        """Texts whose caller got this arm's answer."""
        return len(self.latencies_us)

    @property
    def shadow(self) -> int:
        """Texts that it answered beside the arm that served."""
        return len(self.shadow_us)

    @property
    def answered(self) -> int:
        """Texts that it answered."""
        return self.served + self.shadow

    @property
    def wrong(self) -> int:
        """Labelled answers that were not right."""
        return self.labelled - self.right

    def observe(self, outcome: Outcome, served: bool) -> None:
        """Count what it made of a text."""
        if outcome.label is None or outcome.latency_us is None:
            self.failures[outcome.error or "no_answer"] += 1
            return
        (self.latencies_us if served else self.shadow_us).append(outcome.latency_us)
        self.confidence += max(outcome.probabilities)

    def judge(self, judged: Judged, source: LabelSource) -> None:
        """Count a trusted label."""
        self.labelled += 1
        self.right += judged.right
        self.brier += judged.brier
        self.sources[source] += 1
        place = int((judged.confidence - judged.chance) / (1 - judged.chance) * CALIBRATION_BINS)
        self.bins[min(place, CALIBRATION_BINS - 1)].add(judged)

    def report(self, outcome: Outcome | None, label: str) -> None:
        """Count what a user says of an answer it served."""
        self.reported += 1
        self.reported_right += outcome is not None and outcome.label == label


class Classes:
    """The place of each label in the probabilities, learned from answers that gave it."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def learn(self, outcome: Outcome) -> None:
        """Take in an answer."""
        if outcome.label is not None and outcome.label not in self._places:
            self._places[outcome.label] = outcome.probabilities.index(max(outcome.probabilities))

    def may_be(self, label: str, outcome: Outcome | None) -> bool:
        """Tell whether the models can give a label; one that nobody has given yet may be theirs."""
        return label in self._places or outcome is None or len(self._places) < len(outcome.probabilities)

    def probability(self, label: str, probabilities: Sequence[float]) -> float:
        """Return that of a label; what is left by the known ones is given to one that nobody has given yet."""
        place = self._places.get(label)
        if place is not None:
            return probabilities[place]
        return 1 - sum(probabilities[known] for known in self._places.values())

    def judge(self, outcome: Outcome | None, truth: str) -> Judged | None:
        """Compare an answer with the true label; None without an answer."""
        if outcome is None or outcome.label is None:
            return None
        given = outcome.probabilities
        brier = scores.brier(given, self.probability(truth, given))
        return Judged(outcome.label == truth, brier, max(given), 1 / len(given))
