"""What an application exports while an experiment runs: all that rules and dashboards read, and not too much."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import httpx
import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from model_store.layout import DEFAULT_STORE
from service.front import counted_route
from service.settings import Settings
from tests.deploy import queries
from tests.service.conftest import client_of, running

pytestmark = pytest.mark.anyio

BUDGET = 2_000
"""Series of one process: what Prometheus keeps of it in memory, and what a person can oversee."""

BEFORE = {"400", "401", "403", "421"}
"""Answers that are given before the route matters."""

BEFORE_METHODS = 3
"""With which they are counted, under one name for all routes."""

PATIENCE_S = 20

EXPERIMENT = """
[[experiment]]
name = "three"
minimum_labels = 4

[[experiment.arms]]
model = "gru"

[[experiment.arms]]
model = "lstm"

[[experiment.arms]]
model = "rnn"
"""

Series = Mapping[str, list[Mapping[str, str]]]
"""The name of a series -> the labels of each that is exported."""


class Exported(NamedTuple):
    """What an application showed.

    Attributes:
        series: of GET /metrics.
        answers: how many kinds of answers it can give, as they are counted: of each route every status it documents.
    """

    series: Series
    answers: int


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Serve the shipped models with an experiment of three arms, texts and labels."""
    directory = tmp_path_factory.mktemp("exported")
    declared = directory / "experiments.toml"
    declared.write_text(EXPERIMENT, encoding="utf-8")
    settings = Settings(
        model_store=DEFAULT_STORE,
        engine="onnx",
        experiments=declared,
        store=f"sqlite:///{directory / 'nunchi.db'}",
        secret_file=directory / "secret",
    )
    async with running(settings) as app, client_of(app) as client:
        await give_labels(client, await texts_of_the_experiment(client, 5))
    async with running(settings) as app, client_of(app) as client:  # whose first report knows those labels
        await texts_of_the_experiment(client, 1)
        series = await once(client, 'sentiment_experiment_labels{arm="rnn",experiment="three",source="audit"} 5.0')
        paths = (await client.get("/openapi.json")).json()["paths"]
    after = {
        (counted_route(path), method, status)
        for path, verbs in paths.items()
        for method, verb in verbs.items()
        for status in verb["responses"].keys() - BEFORE
    }
    return Exported(series, len(after) + len(BEFORE) * BEFORE_METHODS)


async def texts_of_the_experiment(client: httpx.AsyncClient, wanted: int) -> list[str]:
    """Send texts until some were part of the experiment; return the names of their predictions."""
    found: list[str] = []
    for number in range(PATIENCE_S * 20):
        answer = (await client.post("/predict", json={"text": f"정말 재미있는 영화 {number}"})).json()
        if answer["experiment"]:
            found.append(answer["prediction_id"])
        if len(found) == wanted:
            return found
        await asyncio.sleep(0.05)
    pytest.fail("the experiment does not begin")


async def give_labels(client: httpx.AsyncClient, predictions: list[str]) -> None:
    """Say that all were positive; and what the service does not accept."""
    for prediction in predictions:
        given = {"prediction_id": prediction, "label": "positive", "source": "audit"}
        assert (await client.post("/feedback", json=given)).status_code == httpx.codes.ACCEPTED
    assert (await client.post("/feedback", json={})).status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def once(client: httpx.AsyncClient, line: str) -> Series:
    """Return what is exported once it has a line."""
    for _ in range(PATIENCE_S * 20):
        text = (await client.get("/metrics")).text
        if line in text.splitlines():
            return series_of(text)
        await asyncio.sleep(0.05)
    pytest.fail(f"{line} is not exported:\n{text}")


def series_of(text: str) -> Series:
    """Return the series of a page of metrics."""
    found: dict[str, list[Mapping[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def read_by_somebody() -> Iterator[tuple[queries.Query, promql_parser.VectorSelector]]:
    """Yield every selector of a series of the service in a rule or on a dashboard, and the query it stands in."""
    declared = queries.declared()
    for query in [*queries.rule_queries(), *queries.dashboard_queries()]:
        nodes: list[promql_parser.Expr] = []
        promql_parser.walk(promql_parser.parse(queries.filled_in(query.expression)), nodes.append)
        for node in nodes:
            if isinstance(node, promql_parser.VectorSelector) and node.name in declared:
                yield query, node


def selected(node: promql_parser.VectorSelector, series: Series) -> list[Mapping[str, str]]:
    """Return the exported series that a selector finds once they were scraped."""
    scraped = [{**labels, "job": "nunchi", "instance": "a:8000"} for labels in series.get(node.name or "", [])]
    return [labels for labels in scraped if all(fits(matcher, labels) for matcher in node.matchers.matchers)]


def fits(matcher: promql_parser.Matcher, labels: Mapping[str, str]) -> bool:
    """Tell whether a label has the value that is asked for; one that is not there has none."""
    value, kind = labels.get(matcher.name), str(matcher.op).removeprefix("MatchOp.")
    if value is None:
        return False
    equal = re.fullmatch(matcher.value, value) if kind.endswith("Re") else value == matcher.value
    return bool(equal) != kind.startswith("Not")


async def test_every_rule_and_panel_finds_something_in_what_is_exported(exported: Exported) -> None:
    found_nothing = {
        f"{query.place}: {node.name}"
        for query, node in read_by_somebody()
        if not selected(node, exported.series) and "http_response_status_code" not in query.expression
    }
    assert found_nothing == set()


@pytest.mark.parametrize(
    "expression",
    [
        'sentiment_experiment_state{job="nunchi",state="harmfull"}',
        'sentiment_experiment_state{job="nunchi",state=~"waits|refuses"}',
        'sentiment_experiment_labels{experiment!="three"}',
        'sentiment_experiment_labels{arm!~"gru|lstm|rnn"}',
        'sentiment_experiment_labels{model="gru"}',
        "sentiment_experiment_label",
    ],
)
async def test_a_selector_of_what_nobody_exports_finds_nothing(exported: Exported, expression: str) -> None:
    node = promql_parser.parse(expression)
    assert isinstance(node, promql_parser.VectorSelector)
    assert selected(node, exported.series) == []


async def test_what_is_declared_is_what_is_exported(exported: Exported) -> None:
    declared = {name: labels for name, labels in queries.declared().items() if name.startswith("sentiment_")}
    found = {
        name: frozenset().union(*labels) for name, labels in exported.series.items() if name.startswith("sentiment_")
    }
    assert found == declared


async def test_a_process_with_an_experiment_of_three_arms_stays_within_its_budget(exported: Exported) -> None:
    counted = {name: len(series) for name, series in exported.series.items()}
    answers = "http_server_request_duration_seconds"
    without_answers = sum(count for name, count in counted.items() if not name.startswith(answers))
    of_one_answer = len({labels["le"] for labels in exported.series[f"{answers}_bucket"]}) + 2
    assert without_answers + of_one_answer * exported.answers < BUDGET, (without_answers, exported.answers)
