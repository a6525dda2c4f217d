"""What must not get worse, however right an arm is: how often it is slow, and how often it fails."""

from dataclasses import dataclass, field
from typing import Literal

from service.experiments.design import Design
from service.statistics import latency, multiple
from service.statistics.latency import Exceedance

Metric = Literal["latency", "errors"]


@dataclass(slots=True)
class Guardrail:
    """One metric of two arms, compared as if they met different texts.

    Attributes:
        metric: `latency`, answers slower than the design allows, or `errors`, texts without an answer.
        a: the place of the first arm.
        b: the place of the second.
        margin: how much larger the share of one may be than the other's.
        alpha: the risk left to each direction of this comparison.
        texts: of each arm.
        bad: of each arm, those that were slow or failed.
        breached: the place of the arm that is worse by more than the margin; it stays.
    """

    metric: Metric
    a: int
    b: int
    margin: float
    alpha: float
    texts: list[int] = field(default_factory=lambda: [0, 0])
    bad: list[int] = field(default_factory=lambda: [0, 0])
    breached: int | None = None

    def observe_good(self, a: int, b: int) -> None:
        """Count texts that say nothing bad of either arm, by the arm that they can be judged by: no breach follows."""
        self.texts[0] += a
        self.texts[1] += b

    def observe(self, bad_a: bool | None, bad_b: bool | None) -> None:
        """Count a text; None for an arm that it cannot be judged by."""
        self.observe_good(bad_a is not None, bad_b is not None)
        if bad_a or bad_b:
            self.bad[0] += bool(bad_a)
            self.bad[1] += bool(bad_b)
            self._judge()

    def interval(self) -> Exceedance:
        """Return how much larger the share of `a` is; [-1, 1] as long as too little is known."""
        return latency.exceedance_split((self.bad[0], self.bad[1]), (self.texts[0], self.texts[1]), self.alpha)

    def _judge(self) -> None:
        """Look for a breach, which only a bad answer can bring about."""
        if self.breached is not None or not self._may_breach():
            return
        interval = self.interval()
        if interval.lower > self.margin:
            self.breached = self.a
        elif interval.upper < -self.margin:
            self.breached = self.b

    def _may_breach(self) -> bool:
        """Spare the intervals while they surely overlap: no bound lies within a standard error."""
        if not all(self.texts):
            return False
        share_a, share_b = self.bad[0] / self.texts[0], self.bad[1] / self.texts[1]
        room = abs(share_a - share_b) - self.margin
        squared_error = share_a * (1 - share_a) / self.texts[0] + share_b * (1 - share_b) / self.texts[1]
        return room > 0 and room * room > squared_error


def guardrails(design: Design) -> list[Guardrail]:
    """Return both metrics of all pairs; the risk `alpha` is shared by all of them."""
    margins: dict[Metric, float] = {
        "latency": design.guardrails.latency_margin,
        "errors": design.guardrails.error_margin,
    }
    alpha = multiple.alpha_each(design.alpha, 2 * len(margins) * len(design.pairs))
    return [Guardrail(metric, a, b, margin, alpha) for metric, margin in margins.items() for a, b in design.pairs]
