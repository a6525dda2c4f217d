"""What the texts and labels of one phase add up to, one at a time and in the order in which they came.

Everything that a decision or a report needs follows from these sums, so a decision can be asked for after every label.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from service.experiments.arms import NOT_TRIED, ArmTally, Classes
from service.experiments.bias import LabelBias
from service.experiments.design import Design
from service.experiments.guardrails import guardrails
from service.experiments.health import Health
from service.experiments.observation import LabelSource, Observation, Outcome
from service.experiments.pairs import Pair, PairedTally, SplitTally, Verdict
from service.statistics import multiple

Outcomes = Sequence[Outcome | None]
"""By the place of their arm; None for one that was not asked."""

Kind = tuple[int, tuple[str | None, ...]]
"""The arm that served, and the label that each gave; None for one that gave none."""


class Evidence:
    """Sums over one phase.

    Args:
        design: what the phase is judged by.

    Attributes:
        alpha_each: the risk left to each comparison of two arms.
        log_threshold: logarithm of the evidence that decides one.
        arms: one tally for each arm.
        pairs: one for each two arms, in the order of `design.pairs`.
        guardrails: what must not get worse, for each two arms.
        health: whether traffic and labels reach the arms as they should.
        bias: whether labels depend on what was answered.
        texts: how many count.
        trusted: labels that count.
        reported: labels by users; they never decide.
        unknown: labels that no model of the experiment can give; they do not count.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.alpha_each = multiple.alpha_each(design.alpha, len(design.pairs))
        self.log_threshold = multiple.log_threshold(design.alpha, len(design.pairs))
        self.arms = [ArmTally() for _ in design.arms]
        self.pairs = [self._pair(a, b) for a, b in design.pairs]
        self.guardrails = guardrails(design)
        self.health = Health(design)
        self.bias = LabelBias(design)
        self.texts = self.trusted = self.reported = self.unknown = 0
        self._classes = Classes()
        self._places = {arm.name: place for place, arm in enumerate(design.arms)}
        self._slo_us = design.guardrails.latency_slo_s * 1e6

    def observe(self, observation: Observation) -> None:
        """Count a text that was not seen before."""
        self.observe_all([observation])

    def observe_all(self, observations: Iterable[Observation]) -> None:
        """Count texts that were not seen before.

        Only a slow or missing answer can bring a guardrail about. What nearly all other texts add to pairs and
        guardrails depends on their labels alone, so these are counted by kind until it matters.
        """
        kinds: Counter[Kind] = Counter()
        for observation in observations:
            served, outcomes = self._places[observation.served_arm], self._arrange(observation)
            self.health.observe(observation.unit, served, outcomes)
            for place, outcome in enumerate(outcomes):
                if outcome is not None:
                    self.arms[place].observe(outcome, place == served)
            kind = served, tuple([outcome and outcome.label for outcome in outcomes])
            if kind not in kinds:
                self._learn(outcomes)
            if self._is_bad(outcomes, served):
                self._observe_kinds(kinds)
                kinds.clear()
                self._observe_bad(kind, outcomes)
            else:
                kinds[kind] += 1
        self._observe_kinds(kinds)

    def label(self, observation: Observation, label: str, source: LabelSource, draw: bool = True) -> None:
        """Count the label of a text that counts.

        Args:
            observation: the text.
            label: what it truly is.
            source: who says so.
            draw: False if it is no longer known whose text it is: then it says nothing about traffic and labels.
        """
        served, outcomes = self._places[observation.served_arm], self._arrange(observation)
        if not self._classes.may_be(label, outcomes[served]):
            self.unknown += 1
        elif source == "user":
            self.reported += 1
            self.arms[served].report(outcomes[served], label)
        else:
            first = draw and self.health.label(observation.unit, served)
            # A client's texts all went to one arm, so in split traffic only one label of each is a draw of its own.
            if first or not draw or self.design.paired:
                self._judge(outcomes, label, source, served if first else None)

    def _judge(self, outcomes: Outcomes, label: str, source: LabelSource, first_by: int | None) -> None:
        """Count a trusted label; `first_by` is the arm that served, if this is the first label of the unit."""
        self.trusted += 1
        judged = [self._classes.judge(outcome, label) for outcome in outcomes]
        for arm, answer in zip(self.arms, judged, strict=True):
            if answer is not None:
                arm.judge(answer, source)
        for pair in self.pairs:
            pair.judge(judged[pair.a], judged[pair.b])
        if first_by is not None:
            self.bias.judge(first_by, judged)

    def _pair(self, a: int, b: int) -> Pair:
        design, verdict = self.design, Verdict(self.log_threshold)
        if design.paired:
            return PairedTally(a, b, verdict)
        share_a = design.arms[a].share / (design.arms[a].share + design.arms[b].share)
        return SplitTally(a, b, verdict, (self.arms[a], self.arms[b]), share_a)

    def _arrange(self, observation: Observation) -> list[Outcome | None]:
        outcomes: list[Outcome | None] = [None] * len(self.arms)
        for outcome in observation.outcomes:
            outcomes[self._places[outcome.arm]] = outcome
        return outcomes

    def _learn(self, outcomes: Outcomes) -> None:
        for outcome in outcomes:
            if outcome is not None:
                self._classes.learn(outcome)

    def _is_bad(self, outcomes: Outcomes, served: int) -> bool:
        """Tell whether an answer is slow or missing."""
        first = outcomes[served]
        if first is None or first.latency_us is None or first.latency_us > self._slo_us:
            return True
        return any([outcome is not None and outcome.label is None for outcome in outcomes])

    def _observe_kinds(self, kinds: Mapping[Kind, int]) -> None:
        """Count texts of which every arm that was asked made something, in time."""
        for (served, labels), texts in kinds.items():
            self.texts += texts
            for pair in self.pairs:
                pair.observe(labels[pair.a], labels[pair.b], texts)
            in_time = [texts * (place == served) for place in range(len(labels))]
            answered = [texts * (place != served and label is not None) for place, label in enumerate(labels)]
            for guardrail in self.guardrails:
                good = in_time if guardrail.metric == "latency" else answered
                guardrail.observe_good(good[guardrail.a], good[guardrail.b])

    def _observe_bad(self, kind: Kind, outcomes: Outcomes) -> None:
        """Count a text for pairs and guardrails, like with like.

        Times are those of answers that somebody waited for. Failures are those in the shadow: a text whose served
        answer failed is not observed.
        """
        self.texts += 1
        served, labels = kind
        for pair in self.pairs:
            pair.observe(labels[pair.a], labels[pair.b])
        slow: list[bool | None] = [None] * len(outcomes)
        failed = slow.copy()
        for place, outcome in enumerate(outcomes):
            if outcome is None:
                continue
            if place != served:
                failed[place] = None if outcome.error in NOT_TRIED else outcome.label is None
            elif outcome.latency_us is not None:
                slow[place] = outcome.latency_us > self._slo_us
        for guardrail in self.guardrails:
            bad = slow if guardrail.metric == "latency" else failed
            guardrail.observe(bad[guardrail.a], bad[guardrail.b])
