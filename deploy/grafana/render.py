"""Write dashboards/*.json, the dashboards that Grafana reads, from the files of the same names that people read."""

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Any

Json = dict[str, Any]

HERE = Path(__file__).parent
SOURCES = (HERE / "models.toml", HERE / "experiments.toml")
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS = 24
_OPEN = {"collapsed": False}


def render(source: Json) -> Json:
    """Return Grafana's form of a dashboard; the same source gives the same text."""
    return {
        "uid": source["uid"],
        "title": source["title"],
        "description": source["description"],
        "tags": ["nunchi"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": source.get("from", "now-30m"), "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_variable(variable) for variable in source["variables"]]},
        "annotations": {"list": []},
        "links": [{"type": "dashboards", "title": "", "tags": ["nunchi"], "keepTime": False}],
        "panels": list(_panels(source)),
    }


def _variable(variable: Json) -> Json:
    return {
        "type": "query",
        "name": variable["name"],
        "label": variable["label"],
        "datasource": DATASOURCE,
        "query": {"query": variable["query"], "refId": variable["name"]},
        "definition": variable["query"],
        "refresh": 2,
        "sort": 7,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels(source: Json) -> Iterator[Json]:
    """Yield each row's title and its panels, laid out from left to right."""
    number, top = 0, 0
    for row in source["rows"]:
        number += 1
        position = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        yield {"id": number, "gridPos": position, "type": "row", "title": row["title"], **_OPEN, "panels": []}
        top += 1
        left, line_height = 0, 0
        for panel in row["panels"]:
            width, height = panel.get("width", 8), panel.get("height", 8)
            if left + width > COLUMNS:
                left, top, line_height = 0, top + line_height, 0
            number += 1
            position = {"x": left, "y": top, "w": width, "h": height}
            yield {"id": number, "gridPos": position, **_panel(panel, source)}
            left, line_height = left + width, max(line_height, height)
        top += line_height


def _panel(panel: Json, source: Json) -> Json:
    form = FORMS[panel["kind"]](panel)
    defaults = {"unit": panel.get("unit", "short"), "color": {"mode": "palette-classic-by-name"}}
    defaults |= {} if panel.get("signed") else {"min": panel.get("min", 0)}
    defaults |= {"max": panel["max"]} if "max" in panel else {}
    if "thresholds" in panel:
        steps = [{"color": colour, "value": value} for colour, value in panel["thresholds"].items()]
        steps[0]["value"] = None  # Grafana's way to say: from minus infinity
        defaults |= {"thresholds": {"mode": "absolute", "steps": steps}, "color": {"mode": "thresholds"}}
    return {
        "type": form["type"],
        "title": panel["title"],
        "description": panel["description"],
        "datasource": DATASOURCE,
        "targets": list(_targets(panel, source["selectors"], form.get("instant", False))),
        "transformations": form.get("transformations", []),
        "options": form["options"],
        "fieldConfig": {
            "defaults": defaults | form.get("defaults", {}),
            "overrides": [*form.get("overrides", []), *_colours(panel, source["colours"])],
        },
    }


def _targets(panel: Json, selectors: dict[str, str], instant: bool) -> Iterator[Json]:
    for letter, query in zip(ascii_uppercase, panel["queries"], strict=False):
        expression = query["expr"]
        for name, selector in selectors.items():
            expression = expression.replace(f"@{name}", selector)
        yield {
            "refId": letter,
            "datasource": DATASOURCE,
            "expr": expression,
            "legendFormat": query.get("legend", "__auto"),
            "instant": instant,
            "range": not instant,
            "format": "table" if instant else "time_series",
        }


def _colours(panel: Json, models: dict[str, list[str]]) -> Iterator[Json]:
    """Yield fixed colours: by name or /pattern/ as the panel says, else for the shipped models; and dashed lines."""
    own: dict[str, str] = panel.get("colours", {})
    by_version = {f"/^{model}\\/\\d*[13579]\\b/": odd for model, (odd, _) in models.items()}
    by_version |= {f"/^{model}\\/\\d*[02468]\\b/": even for model, (_, even) in models.items()}
    for name, colour in (own or by_version).items():
        matcher = {"id": "byRegexp" if name.startswith("/") else "byName", "options": name}
        yield _override(matcher, color={"mode": "fixed", "fixedColor": colour})
    if "dashed" in panel:
        dashed = {"fill": "dash", "dash": [8, 6]}
        yield _override({"id": "byRegexp", "options": panel["dashed"]}, custom__lineStyle=dashed)


def _override(matcher: Json, **properties: object) -> Json:
    values = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": matcher, "properties": values}


def _stat(panel: Json) -> Json:
    return {
        "type": "stat",
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"]},
            "colorMode": "value",
            "graphMode": "area" if panel.get("sparkline") else "none",
            "justifyMode": "auto",
            "textMode": "name" if panel.get("names") else "value",
        },
    }


def _series(stacking: str) -> Json:
    stacked = stacking != "none"
    return {
        "type": "timeseries",
        "options": {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "defaults": {
            "custom": {
                "lineWidth": 1 if stacked else 2,
                "fillOpacity": 40 if stacked else 5,
                "showPoints": "never",
                "spanNulls": 60_000,
                "stacking": {"mode": stacking, "group": "A"},
            }
        },
    }


def _states(panel: Json) -> Json:
    yes, no = panel["words"]
    words = {"1": {"text": yes, "color": "green"}, "0": {"text": no, "color": "#7a7a7a"}}
    return {
        "type": "state-timeline",
        "options": {"showValue": "never", "mergeValues": True, "rowHeight": 0.8, "legend": {"showLegend": True}},
        "defaults": {"mappings": [{"type": "value", "options": words}], "custom": {"fillOpacity": 70}},
    }


def _table(panel: Json) -> Json:
    """One line per set of labels of the first query; each further query adds the column that it names."""
    letters = dict(zip(ascii_uppercase, panel["queries"], strict=False))
    columns = {f"Value #{letter}": query for letter, query in list(letters.items())[1:]}
    hidden = {"Time": True, "Value": True, "Value #A": True}
    names = {name: query["column"] for name, query in columns.items()}
    return {
        "type": "table",
        "instant": True,
        "transformations": [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": hidden, "renameByName": names, "indexByName": {}}},
        ],
        "options": {"showHeader": True, "cellHeight": "sm"},
        "overrides": [_column(query) for query in columns.values()],
    }


def _column(query: Json) -> Json:
    bar = query.get("bar")
    cell = {"type": "gauge", "mode": "basic"} if bar else {"type": "auto"}
    properties: Json = {"unit": query["unit"], "custom__cellOptions": cell}
    properties |= {"decimals": query["decimals"]} if "decimals" in query else {}
    properties |= {"max": 1} if bar else {}
    return _override({"id": "byName", "options": query["column"]}, **properties)


def _barchart(panel: Json) -> Json:
    """One bar per value of `rows_by`, cut into the shares of `columns_by`."""
    matrix = {"rowField": panel["rows_by"], "columnField": panel["columns_by"], "valueField": "Value"}
    return {
        "type": "barchart",
        "instant": True,
        "transformations": [{"id": "groupingToMatrix", "options": matrix}],
        "options": {
            "orientation": "horizontal",
            "stacking": "normal",
            "showValue": "auto",
            "xField": f"{panel['rows_by']}\\{panel['columns_by']}",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
        "defaults": {"max": 1, "custom": {"fillOpacity": 80, "lineWidth": 0}},
    }


FORMS: dict[str, Callable[[Json], Json]] = {
    "stat": _stat,
    "lines": lambda _: _series("none"),
    "stack": lambda _: _series("normal"),
    "shares": lambda _: _series("percent"),
    "states": _states,
    "table": _table,
    "barchart": _barchart,
}
"""Every kind of panel by its name in the source."""


def text(source: Path) -> str:
    """Return what belongs into the file of a dashboard."""
    return json.dumps(render(tomllib.loads(source.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False) + "\n"


def target(source: Path) -> Path:
    """Return the path of that file."""
    return HERE / "dashboards" / f"{source.stem}.json"


if __name__ == "__main__":
    for path in SOURCES:
        target(path).write_text(text(path), encoding="utf-8")
