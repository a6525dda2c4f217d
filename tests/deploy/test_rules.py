"""Recording and alerting rules: about real metrics, tested, explained, and none that nothing reads."""

import re
from math import log

import pytest

from service.experiments.gauges import STATES
from service.experiments.refreshing import PERIOD_S
from service.metrics import Metrics
from service.recorder.handle import MOST_WAITING
from service.settings import Settings
from service.statistics.sample_ratio import LOG_ALARM
from tests.deploy import files, queries

ALERTS = files.ROOT / "docs" / "operations" / "alerts.md"
DASHBOARDS = files.ROOT / "docs" / "operations" / "dashboards.md"


def test_rules_read_only_series_and_labels_that_exist() -> None:
    for query in queries.rule_queries():
        assert queries.complaints(query.expression, queries.catalogue()) == [], query.place


def test_every_recorded_series_is_read_by_an_alert_a_panel_or_another_rule() -> None:
    everything = [*queries.rule_queries(), *queries.dashboard_queries()]
    read = {name for query in everything for name in queries.series_of(queries.filled_in(query.expression))}
    assert {rule["record"] for rule in files.recordings()} <= read


def test_recorded_series_are_named_level_metric_operations() -> None:
    for rule in files.recordings():
        level, metric, operations = rule["record"].split(":")
        assert level in queries.LEVELS
        assert re.fullmatch(r"[a-z_]+", metric)
        assert re.fullmatch(r"((ratio_)?(rate|increase)|p\d\d_)\d+[mhd]", operations)


def test_every_alert_has_a_severity_and_says_what_and_where_to_read_on() -> None:
    for alert in files.alerts():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"].keys() == {"summary", "description", "runbook"}


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    headings = re.findall(r"^### (.+)$", ALERTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(alert["alert"] for alert in files.alerts())
    for alert in files.alerts():
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert (files.ROOT / page, anchor) == (ALERTS, alert["alert"].lower())


def test_a_page_explains_every_row_of_every_dashboard() -> None:
    page = DASHBOARDS.read_text(encoding="utf-8")
    rows = [
        panel for dashboard in files.dashboards().values() for panel in dashboard["panels"] if panel["type"] == "row"
    ]
    for row in rows:
        assert f"**{row['title']}**" in page


def test_every_alert_is_tested_firing_and_silent() -> None:
    tests = [test for path in files.rule_tests() for test in files.read_yaml(path)["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {alert["alert"] for alert in files.alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_the_promtool_tests_use_series_that_the_service_has() -> None:
    known = queries.catalogue()
    tests = [test for path in files.rule_tests() for test in files.read_yaml(path)["tests"]]
    for series in (entry["series"] for test in tests for entry in test["input_series"]):
        assert queries.complaints(series, known) == []


def test_the_latency_objective_is_a_bucket_bound() -> None:
    bounds = {
        bound
        for query in queries.rule_queries()
        for bound in re.findall(r'http_server_request_duration_seconds_bucket\{[^}]*le="([\d.]+)"', query.expression)
    }
    metrics = Metrics()
    metrics.http_duration.labels("POST", "/predict", "200").observe(0.0)
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    known = {s.labels["le"] for s in samples if s.name == "http_server_request_duration_seconds_bucket"}
    assert bounds
    assert bounds <= known


def test_the_queue_alert_warns_at_a_quarter_of_what_may_wait() -> None:
    [alert] = [alert for alert in files.alerts() if alert["alert"] == "NunchiQueueFilling"]
    assert alert["expr"].endswith(f"> {Settings.model_fields['queue_rows'].default // 4}")


def test_the_alert_on_the_queue_of_the_store_warns_at_a_quarter_of_what_may_wait() -> None:
    [alert] = [alert for alert in files.alerts() if alert["alert"] == "NunchiStoreQueueFilling"]
    assert alert["expr"].endswith(f"> {MOST_WAITING // 4}")


def test_a_report_is_stale_only_when_many_in_turn_are_missing() -> None:
    [alert] = [alert for alert in files.alerts() if alert["alert"] == "NunchiReportStale"]
    assert int(alert["expr"].split("> ")[1]) >= 20 * PERIOD_S


def test_shares_are_an_alert_where_the_report_says_that_they_are_one() -> None:
    [alert] = [alert for alert in files.alerts() if alert["alert"] == "NunchiSampleRatioMismatch"]
    assert float(alert["expr"].split(">= ")[1]) == pytest.approx(LOG_ALARM / log(10))


def test_every_state_that_no_alert_speaks_of_is_no_trouble() -> None:
    spoken_of = {
        state
        for alert in files.alerts()
        for states in re.findall(r'sentiment_experiment_state\{[^}]*state=~?"([^"]+)"', alert["expr"])
        for state in states.split("|")
    }
    assert set(STATES) - spoken_of == {"winner", "equivalent", "insufficient", "keep_collecting", "stopped"}
