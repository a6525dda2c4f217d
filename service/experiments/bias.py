"""Whether a text is labelled for what its served answer was: users complain of errors more than they praise."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.experiments.arms import Judged
from service.experiments.design import Design
from service.statistics import labelling
from service.statistics.sample_ratio import LOG_ALARM


@dataclass(slots=True)
class PairBias:
    """Labelled texts that only one of two arms got right, and that one of the two served; see `statistics.labelling`.

    Attributes:
        a: the place of the first arm.
        b: the place of the second.
        share_a: the first arm's share of what the two serve.
        right_a: texts that only the first got right.
        right_b: texts that only the second did.
        served_right: texts of both kinds that the right arm served.
        log_e_sup: the most evidence ever that labels depend on the served answer.
    """

    a: int
    b: int
    share_a: float
    right_a: int = 0
    right_b: int = 0
    served_right: int = 0
    log_e_sup: float = 0.0

    def judge(self, served: int, first: Judged | None, second: Judged | None) -> None:
        """Count a labelled text."""
        if served not in (self.a, self.b) or first is None or second is None or first.right == second.right:
            return
        self.right_a += first.right
        self.right_b += second.right
        self.served_right += served == (self.a if first.right else self.b)
        log_e = float(labelling.log_e(self.served_right, self.right_a, self.right_b, self.share_a))
        self.log_e_sup = max(self.log_e_sup, log_e)


class LabelBias:
    """Asks every pair; where the first arm always serves, or only one arm answers, nothing can be asked.

    Args:
        design: what the phase is judged by.

    Attributes:
        pairs: those that can be asked.
    """

    def __init__(self, design: Design) -> None:
        shares = [arm.share for arm in design.arms]
        asked = design.pairs if design.paired and design.randomized else ()
        self.pairs = [PairBias(a, b, shares[a] / (shares[a] + shares[b])) for a, b in asked]

    @property
    def log_e_sup(self) -> float:
        """The most evidence that any pair ever had."""
        return max((pair.log_e_sup for pair in self.pairs), default=0.0)

    @property
    def alarmed(self) -> bool:
        """Whether it was ever enough."""
        return self.log_e_sup >= LOG_ALARM

    def judge(self, served: int, judged: Sequence[Judged | None]) -> None:
        """Count the first label of a unit, with what became of all arms."""
        for pair in self.pairs:
            pair.judge(served, judged[pair.a], judged[pair.b])
