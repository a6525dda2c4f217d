"""The dashboards: current, whole, and about metrics that the service really has."""

import importlib.util
import re
from collections import Counter
from types import ModuleType

import pytest

from service.experiments.gauges import STATES
from tests.deploy import files, queries

OF_NO_VARIABLE = ("ALERTS", "sentiment_build_info")
"""Series that are shown whole; the version that the latter speaks of is the service's."""

each_dashboard = pytest.mark.parametrize("dashboard", files.dashboards().values(), ids=files.dashboards())


def test_every_dashboard_is_what_its_source_renders_to() -> None:
    render = renderer()
    assert {source.stem for source in render.SOURCES} == files.dashboards().keys()
    for source in render.SOURCES:
        written = render.target(source).read_text(encoding="utf-8")
        assert render.text(source) == written, "run python deploy/grafana/render.py"


def test_panels_ask_only_for_series_and_labels_that_exist() -> None:
    for query in queries.dashboard_queries():
        assert queries.complaints(queries.filled_in(query.expression), queries.catalogue()) == [], query.place


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("rate(sentiment_request_total[5m])", "no series sentiment_request_total"),
        ('sentiment_model_loaded{modle="gru"}', "sentiment_model_loaded has no label modle"),
        ("sum by (route) (rate(sentiment_requests_total[5m]))", "nothing has the label route"),
        ("up / on (host) up", "nothing has the label host"),
    ],
)
def test_a_series_or_label_that_does_not_exist_is_found(expression: str, complaint: str) -> None:
    assert queries.complaints(expression, queries.catalogue()) == [complaint]


def test_panels_look_through_the_windows_that_grafana_knows() -> None:
    for query in queries.dashboard_queries():
        assert set(re.findall(r"\[(.*?)\]", query.expression)) <= {"$__rate_interval", "$__range"}, query.place


@each_dashboard
def test_panels_obey_the_variables(dashboard: files.Tree) -> None:
    variables = [variable["name"] for variable in dashboard["templating"]["list"]]
    for query in queries.queries_of(dashboard):
        known = {name: labels for name, labels in read_by(query).items() if name not in OF_NO_VARIABLE}
        for variable in variables:
            if any(variable in labels for labels in known.values()):
                assert f'{variable}=~"${variable}"' in query.expression, query.place


@each_dashboard
def test_every_panel_has_its_own_number_title_and_explanation(dashboard: files.Tree) -> None:
    numbers = Counter(panel["id"] for panel in dashboard["panels"])
    titles = Counter(panel["title"] for panel in dashboard["panels"])
    assert max(numbers.values()) == 1
    assert max(titles.values()) == 1
    for panel in files.panels(dashboard):
        assert len(panel["description"]) > 20, panel["title"]


def test_every_dashboard_has_its_own_name_and_leads_to_the_others() -> None:
    assert len({dashboard["uid"] for dashboard in files.dashboards().values()}) == len(files.dashboards())
    for dashboard in files.dashboards().values():
        [link] = dashboard["links"]
        assert set(link["tags"]) <= set(dashboard["tags"])


@each_dashboard
def test_panels_fill_the_width_and_do_not_overlap(dashboard: files.Tree) -> None:
    taken = Counter(
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) == 23
    assert len(taken) == 24 * (1 + max(y for _, y in taken)), "a hole in the dashboard"


@each_dashboard
def test_every_panel_reads_the_provisioned_data_source(dashboard: files.Tree) -> None:
    [source] = files.read_yaml(files.GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    used = {
        (d["type"], d["uid"])
        for p in files.panels(dashboard)
        for d in (p["datasource"], *(t["datasource"] for t in p["targets"]))
    }
    used |= {(v["datasource"]["type"], v["datasource"]["uid"]) for v in dashboard["templating"]["list"]}
    assert used == {(source["type"], source["uid"])}


def test_each_metric_is_on_a_dashboard() -> None:
    shown = {re.sub("_(bucket|sum|count)$", "", name) for q in queries.dashboard_queries() for name in read_by(q)}
    through_rules = {name for query in queries.rule_queries() for name in queries.series_of(query.expression)}
    declared = {
        re.sub("_(bucket|sum|count)$", "", name) for name in queries.declared() if name.startswith("sentiment_")
    }
    assert declared - shown - through_rules == set()


def test_a_signed_panel_begins_where_its_values_do() -> None:
    panels = {panel["title"]: panel for panel in files.panels(files.dashboards()["experiments"])}
    assert "min" not in panels["Evidence"]["fieldConfig"]["defaults"]
    assert panels["Texts by arm"]["fieldConfig"]["defaults"]["min"] == 0


def test_the_recommendation_has_a_colour_for_every_state() -> None:
    [panel] = [panel for panel in files.panels(files.dashboards()["experiments"]) if panel["title"] == "Recommendation"]
    colours = {state: colour_of(f"gru-or-lstm: {state}", panel) for state in STATES}
    assert None not in colours.values()
    assert colours["harmful"] != colours["winner"] != colours["unhealthy"]


def test_a_model_has_the_same_colour_in_every_panel_and_neighbouring_versions_do_not() -> None:
    for panel in files.panels(files.dashboards()["models"]):
        if any(target["legendFormat"] == "{{model}}/{{version}}" for target in panel["targets"]):
            assert {name: colour_of(name, panel) for name in ("gru/1", "gru/2", "gru/13", "lstm/1", "bigru/1")} == {
                "gru/1": "blue",
                "gru/2": "light-blue",
                "gru/13": "blue",
                "lstm/1": "green",
                "bigru/1": None,
            }


def colour_of(series: str, panel: files.Tree) -> str | None:
    """Return the fixed colour that a panel gives to a series, if it gives one."""
    for override in panel["fieldConfig"]["overrides"]:
        pattern = override["matcher"]["options"].strip("/").replace("\\/", "/")
        for settings in override["properties"]:
            if settings["id"] == "color" and re.search(pattern, series):
                return str(settings["value"]["fixedColor"])
    return None


def read_by(query: queries.Query) -> dict[str, frozenset[str]]:
    known = queries.catalogue()
    return {name: known[name] for name in queries.series_of(queries.filled_in(query.expression))}


def renderer() -> ModuleType:
    """Import deploy/grafana/render.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("render", files.GRAFANA / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
