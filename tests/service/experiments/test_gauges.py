from collections.abc import Mapping
from math import isclose, log10
from typing import Any

import pytest

from service.experiments.decision import State
from service.experiments.gauges import STATES, ExperimentGauges
from service.experiments.watching import Status
from service.metrics import Metrics
from tests.service.experiments.declarations import experiment_of
from tests.service.experiments.reports import every_kind

RUNNING = Status(experiment_of(name="nsmc"), "running", phase=2)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def gauges(metrics: Metrics) -> ExperimentGauges:
    return ExperimentGauges(metrics)


@pytest.fixture(scope="module")
def reports() -> Mapping[str, Any]:
    return every_kind()


def values(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Return what a gauge shows: the values of its labels but the experiment, by their names -> value."""
    [metric] = [metric for metric in metrics.registry.collect() if metric.name == name]
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label != "experiment"): sample.value
        for sample in metric.samples
    }


def shown(metrics: Metrics, experiment: str) -> set[str]:
    """Return the gauges that show anything of an experiment."""
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    return {sample.name for sample in samples if sample.labels.get("experiment") == experiment}


def states(metrics: Metrics) -> set[str]:
    """Return the states that are shown to hold."""
    return {state for (state,), value in values(metrics, "sentiment_experiment_state").items() if value}


def test_there_is_a_state_for_all_that_a_report_can_recommend() -> None:
    assert {*STATES} == {*State} | {"waiting", "refused"}


def test_gauges_say_what_the_report_says(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    report = reports["winner"]
    gauges.show(RUNNING, report, made_at=1_800_000_000.0)
    [first, second], [pair] = report["arms"], report["pairs"]
    assert values(metrics, "sentiment_experiment_report_timestamp_seconds") == {(): 1_800_000_000.0}
    assert values(metrics, "sentiment_experiment_arm_info") == {("gru", "gru", "1"): 1, ("lstm", "lstm", "1"): 1}
    for end, place in (("lower", 0), ("upper", 1)):
        found = values(metrics, f"sentiment_experiment_accuracy_{end}_ratio")
        assert found == {("gru",): first["accuracy_cs"][place], ("lstm",): second["accuracy_cs"][place]}
        assert values(metrics, f"sentiment_experiment_delta_{end}_ratio") == {("gru", "lstm"): pair["delta_cs"][place]}
    assert values(metrics, "sentiment_experiment_accuracy_ratio")["gru",] == first["accuracy"]
    assert values(metrics, "sentiment_estimated_accuracy_ratio")["lstm",] == second["cbpe"]
    assert values(metrics, "sentiment_experiment_delta_ratio") == {("gru", "lstm"): pair["delta"]}
    labels = values(metrics, "sentiment_experiment_labels")
    assert labels["gru", "audit"] == first["labels"]
    assert labels["gru", "gold"] == labels["gru", "user"] == 0


def test_evidence_is_shown_as_its_logarithm_beside_what_it_must_reach(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    report = reports["winner"]
    gauges.show(RUNNING, report)
    evidence = values(metrics, "sentiment_experiment_evalue_log10")
    [(_, threshold)] = values(metrics, "sentiment_experiment_evalue_threshold_log10").items()
    assert isclose(threshold, log10(20))
    assert isclose(evidence["gru", "lstm", "different"], log10(report["pairs"][0]["e_sup"]))
    assert evidence["gru", "lstm", "different"] > threshold
    assert evidence["gru", "lstm", "a_better"] > 0 > evidence["gru", "lstm", "b_better"]


def test_evidence_beyond_all_measure_is_shown_as_large(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    report = reports["winner"]
    pair = {**report["pairs"][0], "e_sup": 1.7e308, "e_a_gt_b": 0.0, "e_b_gt_a": None}
    gauges.show(RUNNING, {**report, "pairs": [pair]})
    found = values(metrics, "sentiment_experiment_evalue_log10")
    assert found == {("gru", "lstm", "different"): 300.0, ("gru", "lstm", "a_better"): -300.0}


@pytest.mark.parametrize("kind", ["winner", "equivalent", "insufficient", "keep_collecting", "unhealthy"])
def test_the_recommendation_is_the_only_state_that_holds(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any], kind: str
) -> None:
    gauges.show(RUNNING, reports[kind])
    assert states(metrics) == {kind}
    assert len(values(metrics, "sentiment_experiment_state")) == len(STATES)


def test_the_arm_that_is_named_is_told_from_the_others(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    gauges.show(RUNNING, reports["winner"])
    assert values(metrics, "sentiment_experiment_named_arm") == {("gru",): 1, ("lstm",): 0}
    gauges.show(RUNNING, reports["equivalent"])
    assert values(metrics, "sentiment_experiment_named_arm") == {("gru",): 0, ("lstm",): 0}


def test_shares_that_do_not_fit_are_shown_by_stream(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    gauges.show(RUNNING, reports["unhealthy"])
    found = values(metrics, "sentiment_experiment_srm_evalue_log10")
    assert found.keys() == {("answers",), ("assignments",), ("labels",), ("shadows",)}
    assert found["answers",] > 2 > found["assignments",]


def test_what_is_not_known_is_not_shown(gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]) -> None:
    gauges.show(RUNNING, reports["winner"])
    gauges.show(RUNNING, reports["insufficient"])  # a new phase: no label yet
    assert values(metrics, "sentiment_experiment_accuracy_ratio") == {}
    assert values(metrics, "sentiment_experiment_delta_ratio") == {}
    assert values(metrics, "sentiment_experiment_delta_lower_ratio") == {("gru", "lstm"): -1}


def test_split_traffic_has_no_evidence_of_one_side(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    gauges.show(RUNNING, reports["winner"])
    gauges.show(RUNNING, reports["split"])
    assert values(metrics, "sentiment_experiment_evalue_log10").keys() == {("gru", "lstm", "different")}


def test_one_that_runs_without_a_report_yet_has_no_state_and_the_oldest_report_of_all(
    gauges: ExperimentGauges, metrics: Metrics
) -> None:
    gauges.show(RUNNING)
    assert states(metrics) == set()
    assert values(metrics, "sentiment_experiment_report_timestamp_seconds") == {(): 0}


@pytest.mark.parametrize("state", ["waiting", "refused"])
def test_one_that_cannot_run_shows_that_and_no_report(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any], state: Any
) -> None:
    gauges.show(RUNNING, reports["winner"], made_at=1.0)
    gauges.show(RUNNING._replace(state=state, reason="gru/3 is loading"))
    assert states(metrics) == {state}
    assert shown(metrics, "nsmc") == {"sentiment_experiment_state"}


def test_of_one_that_was_stopped_one_series_is_left(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    gauges.show(RUNNING, reports["winner"], made_at=1.0)
    gauges.show(RUNNING._replace(state="stopped"))
    assert shown(metrics, "nsmc") == {"sentiment_experiment_state"}
    assert values(metrics, "sentiment_experiment_state") == {("stopped",): 1}


def test_of_one_that_is_no_longer_declared_nothing_is_left_and_others_stay(
    gauges: ExperimentGauges, metrics: Metrics, reports: Mapping[str, Any]
) -> None:
    gauges.show(RUNNING, reports["winner"])
    gauges.show(Status(experiment_of(name="nsmc-2"), "stopped"))
    gauges.forget("nsmc")
    assert shown(metrics, "nsmc") == set()
    assert shown(metrics, "nsmc-2") == {"sentiment_experiment_state"}
    gauges.forget("nobody")
