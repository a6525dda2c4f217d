"""What the reports on experiments say, as gauges for Prometheus: outputs to look at, not to compute with."""

from collections.abc import Iterator, Mapping, Sequence
from math import log10
from typing import Any, NamedTuple, get_args

from service.experiments.observation import LabelSource
from service.experiments.watching import Status
from service.metrics import Metrics

STATES = (
    *("unhealthy", "harmful", "winner", "equivalent", "insufficient", "keep_collecting", "stopped"),
    *("waiting", "refused"),
)
"""What a report can recommend, and what can keep an experiment from running."""

NEVER = 0.0
"""When the report was made that is not made yet."""

_PAIR = ("arm_a", "arm_b")
_GAUGES: Mapping[str, tuple[str, Sequence[str]]] = {
    "sentiment_experiment_state": ("1 for what the report recommends, or what keeps it from running.", ("state",)),
    "sentiment_experiment_report_timestamp_seconds": ("When the report was made; 0: never yet.", ()),
    "sentiment_experiment_evalue_threshold_log10": ("Evidence, log10, that decides between two arms.", ()),
    "sentiment_experiment_srm_evalue_log10": (
        "Most evidence so far, log10, that units do not reach the arms in the declared shares.",
        ("stream",),
    ),
    "sentiment_experiment_arm_info": ("Always 1; which version answers for the arm.", ("arm", "model", "version")),
    "sentiment_experiment_named_arm": ("1 for the arm that the recommendation names.", ("arm",)),
    "sentiment_experiment_labels": ("Labels of the phase; those of users decide nothing.", ("arm", "source")),
    "sentiment_experiment_accuracy_ratio": ("Share of labelled texts that the arm got right.", ("arm",)),
    "sentiment_experiment_accuracy_lower_ratio": ("Lower end of its confidence sequence.", ("arm",)),
    "sentiment_experiment_accuracy_upper_ratio": ("Upper end of its confidence sequence.", ("arm",)),
    "sentiment_estimated_accuracy_ratio": (
        "Estimate without labels: mean confidence, right if the arm is calibrated.",
        ("arm",),
    ),
    "sentiment_experiment_delta_ratio": ("Accuracy of arm_a less that of arm_b.", _PAIR),
    "sentiment_experiment_delta_lower_ratio": ("Lower end of its confidence sequence.", _PAIR),
    "sentiment_experiment_delta_upper_ratio": ("Upper end of its confidence sequence.", _PAIR),
    "sentiment_experiment_evalue_log10": (
        "Evidence, log10; different: the most so far, which decides; a_better, b_better: now.",
        (*_PAIR, "hypothesis"),
    ),
}
"""Documentation, and the labels beside `experiment`."""

_LARGEST = 1e300
_HYPOTHESES = {"different": "e_sup", "a_better": "e_a_gt_b", "b_better": "e_b_gt_a"}


class Figure(NamedTuple):
    """One value: of which gauge, and the values of its labels beside `experiment`."""

    gauge: str
    labels: tuple[str, ...]
    value: float | None


class ExperimentGauges:
    """The gauges of all experiments. All workers report on the same store, so the largest value stands for all.

    Args:
        metrics: where they are declared.

    Attributes:
        broken: 1 while the file of the experiments is not in force as it is.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._gauges = {
            name: metrics.gauge(name, documentation, ("experiment", *labels), "max")
            for name, (documentation, labels) in _GAUGES.items()
        }
        self._shown: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
        self.broken = metrics.gauge(
            "sentiment_experiments_file_broken",
            "1 while an older file is in force; GET /experiments says why.",
            (),
            "max",
        ).labels()

    def show(self, status: Status, report: Mapping[str, Any] | None = None, made_at: float = NEVER) -> None:
        """Show what is known of an experiment, and nothing that was shown of it before.

        Args:
            status: what became of it.
            report: on its newest phase; only of one that runs.
            made_at: when that was made, in seconds since 1970.
        """
        name = status.experiment.name
        known = [figure for figure in _figures(status, report, made_at) if figure.value is not None]
        for gauge, labels, value in known:
            self._gauges[gauge].labels(name, *labels).set(value or 0.0)
        shown = {(gauge, labels) for gauge, labels, _ in known}
        self._hide(name, self._shown.get(name, set()) - shown)
        self._shown[name] = shown

    def forget(self, name: str) -> None:
        """Show nothing of an experiment any longer."""
        self._hide(name, self._shown.pop(name, set()))

    def _hide(self, name: str, series: set[tuple[str, tuple[str, ...]]]) -> None:
        for gauge, labels in series:
            self._gauges[gauge].remove(name, *labels)


def _figures(status: Status, report: Mapping[str, Any] | None, made_at: float) -> Iterator[Figure]:
    if status.state == "stopped":
        yield Figure("sentiment_experiment_state", ("stopped",), 1.0)
        return
    state = status.state if status.state != "running" else report and report["recommendation"]["state"]
    for each in STATES:
        yield Figure("sentiment_experiment_state", (each,), float(each == state))
    if status.state == "running":
        yield Figure("sentiment_experiment_report_timestamp_seconds", (), made_at)
    if report is None:
        return
    yield Figure("sentiment_experiment_evalue_threshold_log10", (), _log10(report["design"]["e_threshold"]))
    for stream, found in report["health"]["srm"].items():
        yield Figure("sentiment_experiment_srm_evalue_log10", (stream,), _log10(found["e_sup"]))
    for arm in report["arms"]:
        yield from _of_arm(arm, report)
    for pair in report["pairs"]:
        yield from _of_pair(pair)


def _of_arm(arm: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Figure]:
    name: str = arm["arm"]
    yield Figure("sentiment_experiment_arm_info", (name, arm["model"], str(arm["version"])), 1.0)
    yield Figure("sentiment_experiment_named_arm", (name,), float(name == report["recommendation"]["arm"]))
    labels = {**arm["sources"], "user": report["sensitivity"]["user_reported"][name]["labels"]}
    for source in get_args(LabelSource):
        yield Figure("sentiment_experiment_labels", (name, source), labels.get(source, 0))
    yield Figure("sentiment_experiment_accuracy_ratio", (name,), arm["accuracy"])
    yield Figure("sentiment_experiment_accuracy_lower_ratio", (name,), arm["accuracy_cs"][0])
    yield Figure("sentiment_experiment_accuracy_upper_ratio", (name,), arm["accuracy_cs"][1])
    yield Figure("sentiment_estimated_accuracy_ratio", (name,), arm["cbpe"])


def _of_pair(pair: Mapping[str, Any]) -> Iterator[Figure]:
    arms = (pair["arm_a"], pair["arm_b"])
    yield Figure("sentiment_experiment_delta_ratio", arms, pair["delta"])
    yield Figure("sentiment_experiment_delta_lower_ratio", arms, pair["delta_cs"][0])
    yield Figure("sentiment_experiment_delta_upper_ratio", arms, pair["delta_cs"][1])
    for hypothesis, figure in _HYPOTHESES.items():
        yield Figure("sentiment_experiment_evalue_log10", (*arms, hypothesis), _log10(pair.get(figure)))


def _log10(evidence: float | None) -> float | None:
    """Return the logarithm of evidence, of which there may be none at all or more than a plot needs."""
    return None if evidence is None else log10(min(max(evidence, 1 / _LARGEST), _LARGEST))
