"""Every PromQL expression of the project with the place where it stands, and what is wrong with one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import promql_parser

from service.admission.counters import AdmissionCounters
from service.admission.lag import LoopLag
from service.experiments.counters import ExperimentCounters
from service.experiments.gauges import ExperimentGauges
from service.explain.counters import ExplanationCounters
from service.feedback_counters import FeedbackCounters
from service.metrics import Metrics
from service.security.connection_counters import ConnectionCounters
from service.security.counters import AccessCounters
from service.storage import Storage
from service.store.counters import StoreCounters
from service.tallies import Family, HistogramFamily
from service.telemetry.counters import TraceCounters
from service.versions.gauges import VersionGauges, show_file
from tests.deploy import files

Catalogue = Mapping[str, frozenset[str]]
"""The name of a series -> the labels that it can have."""

BY_PROMETHEUS = frozenset({"job", "instance"})
"""Labels that a series gets when it is scraped."""

LEVELS = {
    "job": (),
    "model_version": ("model", "version"),
    "model_version_role": ("model", "version", "role"),
    "experiment": ("experiment",),
    "experiment_arm": ("experiment", "arm"),
    "experiment_pair": ("experiment", "arm_a", "arm_b"),
    "source": ("source",),
    "reason": ("reason",),
}
"""The level of a recorded series -> its labels beside the job."""


@dataclass(frozen=True)
class Query:
    """An expression and where it stands."""

    place: str
    expression: str


def queries_of(dashboard: files.Tree) -> list[Query]:
    """Return the queries of every panel of a dashboard, Grafana's variables still in them."""
    return [
        Query(f"{panel['title']} {target['refId']}", target["expr"])
        for panel in files.panels(dashboard)
        for target in panel["targets"]
    ]


def dashboard_queries() -> list[Query]:
    """Return those of all dashboards."""
    return [query for dashboard in files.dashboards().values() for query in queries_of(dashboard)]


def rule_queries() -> list[Query]:
    """Return the expressions of all rules."""
    return [Query(rule.get("record") or rule["alert"], rule["expr"]) for rule in files.rules()]


def filled_in(expression: str, window: str = "5m") -> str:
    """Put values in the place of Grafana's variables: everything, over `window`."""
    for variable in ("$__rate_interval", "$__range"):
        expression = expression.replace(variable, window)
    for variable in ("$instance", "$model", "$version", "$experiment"):
        expression = expression.replace(variable, ".*")
    return expression


@cache
def catalogue() -> Catalogue:
    """Return every series that Prometheus can have: scraped from the service, recorded by a rule, or its own."""
    names: dict[str, frozenset[str]] = {"up": BY_PROMETHEUS}
    for metric, labels in declared().items():
        names[metric] = labels | BY_PROMETHEUS
    for rule in files.recordings():
        names[rule["record"]] = frozenset({"job", *LEVELS[rule["record"].partition(":")[0]]})
    of_alerts = {"alertname", "alertstate", "severity", "model", "version", "experiment", "arm"}
    names["ALERTS"] = frozenset(of_alerts) | BY_PROMETHEUS
    return names


def declared() -> Catalogue:
    """Return the series that the service declares, with their labels: those that exist from the start, and families."""
    metrics = Metrics()
    ExperimentCounters(metrics), FeedbackCounters(metrics), ExperimentGauges(metrics), VersionGauges(metrics)
    AccessCounters(metrics), ConnectionCounters(metrics), ExplanationCounters(metrics)
    AdmissionCounters(metrics), LoopLag(metrics)
    show_file(metrics, lambda: False)
    StoreCounters(metrics, [Storage("sqlite://")]), TraceCounters(metrics)
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    names = {sample.name: frozenset(sample.labels) for sample in samples}
    for family in metrics.exposition.families:
        names.update(_series(family))
    return names


def _series(family: Family[Any]) -> Iterator[tuple[str, frozenset[str]]]:
    labels = frozenset(family.label_names)
    if isinstance(family, HistogramFamily):
        yield f"{family.name}_bucket", labels | {"le"}
        yield from ((f"{family.name}_{suffix}", labels) for suffix in ("sum", "count"))
    else:
        yield family.name, labels


def complaints(expression: str, known: Catalogue) -> list[str]:
    """Name every series and label of an expression that does not exist."""
    found: list[str] = []
    nodes: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expression), nodes.append)
    available: set[str] = set()
    for node in nodes:
        if isinstance(node, promql_parser.VectorSelector):
            labels = known.get(node.name or "", frozenset())
            available |= labels
            if node.name not in known:
                found.append(f"no series {node.name}")
            found += [
                f"{node.name} has no label {matcher.name}"
                for matcher in node.matchers.matchers
                if node.name in known and matcher.name not in labels
            ]
        elif isinstance(node, promql_parser.Call) and node.func.name == "label_join":
            available.add(node.args[1].val)
    grouped = {label for node in nodes for label in _grouping(node)}
    return found + [f"nothing has the label {label}" for label in sorted(grouped - available)]


def series_of(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    nodes: list[promql_parser.Expr] = []
    promql_parser.walk(promql_parser.parse(expression), nodes.append)
    return {node.name for node in nodes if isinstance(node, promql_parser.VectorSelector) and node.name}


def _grouping(node: promql_parser.Expr) -> list[str]:
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
        return list(node.modifier.labels)
    if isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
        return [*node.modifier.matching.labels, *(node.modifier.group_labels or [])]
    return []
