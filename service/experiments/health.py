"""Counts that show whether traffic and labels reach the arms as the design says."""

from collections.abc import Sequence

from service.experiments.design import Design
from service.experiments.observation import Outcome
from service.experiments.streams import ShareStream

Outcomes = Sequence[Outcome | None]
"""By the place of their arm; None for an arm that is missing."""

_MIXED = -1


class Health:
    """Assignments, answers, labels, shadow answers and the units behind them.

    Of each unit only the first text is counted: all texts of a client meet the same arm, so the second one would be no
    new draw.

    Args:
        design: what the phase is judged by.

    Attributes:
        assignments: units by the arm that serves them.
        answers: the same, of those that got an answer.
        labels: the same, of those that got a trusted label.
        shadows: arms that answered a unit's first text in the shadow, as all but the served one should.
        mixed: units that more than one arm served.
        expected: shadow answers that should have come.
        lost: those of them that did not.
    """

    def __init__(self, design: Design) -> None:
        self._paired = design.paired
        shares = design.served_shares
        self.assignments, self.answers, self.labels = ShareStream(shares), ShareStream(shares), ShareStream(shares)
        self.shadows = ShareStream(_shadow_shares(shares))
        self.streams = self._streams()
        self.mixed = self.expected = self.lost = 0
        self._arm_of: dict[str, int] = {}
        self._labelled: set[str] = set()

    def _streams(self) -> dict[str, ShareStream]:
        """Return the streams that this mode has, by name."""
        streams = {"assignments": self.assignments, "answers": self.answers, "labels": self.labels}
        return {**streams, "shadows": self.shadows} if self._paired else streams

    @property
    def units(self) -> int:
        """Units seen; a request without a client's key is one of its own."""
        return self.assignments.total

    def observe(self, unit: str | None, served: int, outcomes: Outcomes) -> None:
        """Count a text."""
        answered = [outcome is not None and outcome.label is not None for outcome in outcomes]
        if self._paired:
            self.expected += len(answered) - 1
            self.lost += answered.count(False) - (not answered[served])
        if self._is_new(unit, served):
            self._count_unit(served, answered)

    def label(self, unit: str | None, served: int) -> bool:
        """Count a trusted label, and return whether it is the first of its unit."""
        if unit is not None:
            if unit in self._labelled:
                return False
            self._labelled.add(unit)
        self.labels.add(served)
        return True

    def _is_new(self, unit: str | None, served: int) -> bool:
        if unit is None:
            return True
        known = self._arm_of.get(unit)
        if known is None:
            self._arm_of[unit] = served
            return True
        if known not in (served, _MIXED):
            self._arm_of[unit] = _MIXED
            self.mixed += 1
        return False

    def _count_unit(self, served: int, answered: Sequence[bool]) -> None:
        self.assignments.add(served)
        if answered[served]:
            self.answers.add(served)
        if self._paired:
            for place, came in enumerate(answered):
                if came and place != served:
                    self.shadows.add(place)


def _shadow_shares(served: Sequence[float]) -> list[float]:
    """Return the share of shadow answers that each arm should give: all but the served arm give one for each text.

    A unit adds several counts at once, not independent draws. Still the evidence can only shrink on average: with
    x = alternative / share it is multiplied by sum of served_s * product of x over all arms but s, a stable polynomial,
    thus log-concave, whose gradient at x = 1 is the same in the direction of every share; so 1 is its largest value.
    """
    return [(1 - share) / (len(served) - 1) for share in served]
