"""Two arms side by side: who is right where, and how strong the evidence is that one of them is better."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import log

from service.experiments.arms import ArmTally, Judged
from service.statistics import agreement, asymptotic, errors_by_arm, planning, sign
from service.statistics.asymptotic import Difference


@dataclass(slots=True)
class Verdict:
    """Evidence that two arms differ, and the decision once it sufficed.

    Attributes:
        threshold: logarithm of the evidence that suffices.
        log_e: logarithm of the evidence now.
        log_e_sup: the most that it ever was.
        better: the place of the arm that was ahead when it first sufficed; it stays, whatever comes later.
        worse: the place of the other.
        decided_at: after how many labels that was.
    """

    threshold: float
    log_e: float = 0.0
    log_e_sup: float = 0.0
    better: int | None = None
    worse: int | None = None
    decided_at: int | None = None

    def update(self, log_e: float, order: tuple[int, int], labels: int) -> None:
        """Take in the evidence after a label, with the arm that is ahead and the one that is behind."""
        self.log_e = log_e
        if log_e > self.log_e_sup:
            self.log_e_sup = log_e
            if self.better is None and log_e >= self.threshold:
                (self.better, self.worse), self.decided_at = order, labels


@dataclass(slots=True)
class PairedTally:
    """Two arms that answered the same texts; the sign e-process judges those that only one of them got right.

    Attributes:
        a: the place of the first arm.
        b: the place of the second.
        verdict: the evidence.
        labels_given: counts of all texts by the label of `a` and that of `b`.
        both_right: labelled texts that both got right.
        a_only: that only the first did.
        b_only: that only the second did.
        both_wrong: that neither did.
        differences: of each label in turn, 1 where only `a` was right, -1 where only `b` was, else 0.
        brier: sum of (Brier score of `b` minus that of `a`).
        brier_squares: sum of its squares.
    """

    a: int
    b: int
    verdict: Verdict
    labels_given: Counter[tuple[str, str]] = field(default_factory=Counter)
    both_right: int = 0
    a_only: int = 0
    b_only: int = 0
    both_wrong: int = 0
    differences: "array[int]" = field(default_factory=lambda: array("b"))
    brier: float = 0.0
    brier_squares: float = 0.0

    @property
    def labels(self) -> int:
        """Labelled texts."""
        return len(self.differences)

    def observe(self, label_a: str | None, label_b: str | None, texts: int = 1) -> None:
        """Count texts of which both arms made the same; None is no answer."""
        if label_a is not None and label_b is not None:
            self.labels_given[label_a, label_b] += texts

    def judge(self, a: Judged | None, b: Judged | None) -> None:
        """Count a label; it says nothing unless both arms answered."""
        if a is None or b is None:
            return
        difference = b.brier - a.brier
        self.brier += difference
        self.brier_squares += difference * difference
        self.differences.append(a.right - b.right)
        if a.right == b.right:
            self.both_right += a.right
            self.both_wrong += not a.right
            return
        self.a_only += a.right
        self.b_only += b.right
        order = (self.a, self.b) if self.a_only > self.b_only else (self.b, self.a)
        self.verdict.update(float(sign.log_e_two_sided(self.a_only, self.b_only)), order, self.labels)

    def interval(self, alpha: float) -> Difference:
        """Return the difference of accuracies; if too few texts tell the arms apart, how large it can be at most."""
        discordant = self.a_only + self.b_only
        interval = asymptotic.paired_interval(self.a_only, self.b_only, self.labels, alpha)
        if discordant >= asymptotic.LEAST_DISCORDANT:
            return interval
        bound = agreement.difference_bound(discordant, self.labels, alpha)
        return Difference(interval.estimate, -bound, bound)

    def further_labels(self) -> int | None:
        """Return how many more are expected until the evidence suffices; None if that is not in sight."""
        return planning.further_labels_paired(self.a_only, self.b_only, self.labels, self.verdict.threshold)

    def equivalent(self, margin: float, alpha: float) -> bool:
        """Tell whether the whole interval lies between the margins."""
        if not self.labels:
            return False
        delta = (self.a_only - self.b_only) / self.labels
        squared_error = ((self.a_only + self.b_only) / self.labels - delta * delta) / self.labels
        return _may_fit(delta, squared_error, margin, alpha) and _fits(self.interval(alpha), margin)


@dataclass(slots=True)
class SplitTally:
    """Two arms that answered different texts; the error-stream e-process judges on whom the errors fall.

    Attributes:
        a: the place of the first arm.
        b: the place of the second.
        verdict: the evidence.
        arms: what is known of each of the two.
        share_a: the first arm's share of the traffic of both.
    """

    a: int
    b: int
    verdict: Verdict
    arms: tuple[ArmTally, ArmTally]
    share_a: float

    @property
    def labels(self) -> int:
        """Labelled texts of both arms."""
        return self.arms[0].labelled + self.arms[1].labelled

    def observe(self, label_a: str | None, label_b: str | None, texts: int = 1) -> None:
        """Do nothing: no text meets both arms."""

    def judge(self, a: Judged | None, b: Judged | None) -> None:
        """Take in a label, which the arms have counted already; only errors change the evidence."""
        if (a is None or a.right) and (b is None or b.right):
            return
        wrong_a, wrong_b = self.arms[0].wrong, self.arms[1].wrong
        log_e = float(errors_by_arm.log_e_two(wrong_a, wrong_b, self.share_a))
        a_is_better = wrong_a < self.share_a * (wrong_a + wrong_b)
        self.verdict.update(log_e, (self.a, self.b) if a_is_better else (self.b, self.a), self.labels)

    def interval(self, alpha: float) -> Difference:
        """Return the difference of accuracies; the whole range as long as there is too little to say."""
        a, b = self.arms
        return asymptotic.split_interval(a.right, a.labelled, b.right, b.labelled, alpha)

    def further_labels(self) -> int | None:
        """Return how many more are expected until the evidence suffices; None if that is not in sight."""
        wrong = self.arms[0].wrong, self.arms[1].wrong
        return planning.further_labels_split(wrong, self.labels, self.verdict.threshold, self.share_a)

    def equivalent(self, margin: float, alpha: float) -> bool:
        """Tell whether the whole interval lies between the margins."""
        a, b = self.arms
        if not a.labelled or not b.labelled:
            return False
        squared_error = a.right * a.wrong / a.labelled**3 + b.right * b.wrong / b.labelled**3
        delta = a.right / a.labelled - b.right / b.labelled
        return _may_fit(delta, squared_error, margin, alpha) and _fits(self.interval(alpha), margin)


Pair = PairedTally | SplitTally
"""Either has `a`, `b`, `labels` and `verdict`, and can `observe`, `judge`, give an `interval`."""


def _fits(interval: Difference, margin: float) -> bool:
    return bool(interval.lower >= -margin and interval.upper <= margin)


def _may_fit(delta: float, squared_error: float, margin: float, alpha: float) -> bool:
    """Spare the interval while it is surely too wide: a side is at least sqrt(2 log(1 / alpha)) standard errors."""
    room = margin - abs(delta)
    return room > 0 and -2 * log(alpha) * squared_error <= room * room
