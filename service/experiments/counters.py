"""What is counted of experiments, for Prometheus."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from service.experiments.live import Live
from service.experiments.observation import Reason
from service.metrics import Metrics
from service.recorder.frames import Counted
from service.tallies import Counter

_MISSING = ("dropped", "not_ready", "model_error", "bad_output")
"""Why an arm that did not answer has no outcome either."""


@dataclass(frozen=True, slots=True)
class PhaseCounters:
    """The counters of one phase, looked up once."""

    assigned: dict[tuple[str, Reason], Counter]
    agreed: dict[tuple[str, str, bool], Counter]
    missing: dict[tuple[str, str], Counter]

    def record(self, counted: Iterable[Counted]) -> None:
        """Count texts: who answered each, which arms agreed on it, and which have no outcome."""
        for arm, reason, answers, texts in counted:
            self.assigned[arm, reason].add(texts)
            for other, _, error in answers:
                if error is not None and other != arm:
                    self.missing[other, error].add(texts)
            labelled = [(name, label) for name, label, _ in answers if label is not None]
            for (first, its_label), (second, other_label) in combinations(labelled, 2):
                self.agreed[first, second, its_label == other_label].add(texts)


class ExperimentCounters:
    """The counters of all experiments.

    Args:
        metrics: where they are declared.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._assigned = metrics.counter(
            "sentiment_assignments_total",
            "Texts by the arm that answered and why it did.",
            ("experiment", "phase", "arm", "reason"),
        )
        self._agreed = metrics.counter(
            "sentiment_pair_comparisons_total",
            "Texts that both arms scored, by whether they gave the same label.",
            ("experiment", "arm_a", "arm_b", "agree"),
        )
        self._missing = metrics.counter(
            "sentiment_shadow_dropped_total",
            "Texts that an arm should have scored beside the one that answered, and did not.",
            ("experiment", "arm", "reason"),
        )
        self.lost = metrics.counter(
            "sentiment_observations_lost_total", "Texts of experiments that nothing was written down of.", ()
        ).labels()
        self._phases: dict[tuple[str, int], PhaseCounters] = {}

    def of(self, live: Live) -> PhaseCounters:
        """Return the counters of a phase, all of them at zero when it is new, so that no ratio over them is absent."""
        key = (live.experiment.name, live.phase)
        if key not in self._phases:
            self._phases[key] = self._declare(live)
        return self._phases[key]

    def _declare(self, live: Live) -> PhaseCounters:
        name, arms = live.experiment.name, [arm.name for arm in live.arms]
        reasons: tuple[Reason, ...] = ("fixed",) if live.experiment.mode == "shadow" else ("hash", "random")
        return PhaseCounters(
            assigned={
                (arm, reason): self._assigned.labels(name, str(live.phase), arm, reason)
                for arm in arms
                for reason in reasons
            },
            agreed={
                (first, second, agree): self._agreed.labels(name, first, second, str(agree).lower())
                for first, second in combinations(arms, 2)
                for agree in (True, False)
            },
            missing={(arm, reason): self._missing.labels(name, arm, reason) for arm in arms for reason in _MISSING},
        )
