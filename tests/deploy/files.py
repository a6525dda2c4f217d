"""The deployment files as the tests read them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Tree = dict[str, Any]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
GRAFANA = DEPLOY / "grafana"


def read_yaml(path: Path) -> Tree:
    """Read a YAML file of one document."""
    document: Tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def compose() -> Tree:
    """Read docker-compose.yml."""
    return read_yaml(ROOT / "docker-compose.yml")


def kubernetes() -> dict[str, Tree]:
    """Read the Kubernetes manifest: kind -> object."""
    text = (DEPLOY / "kubernetes" / "nunchi.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@cache
def dashboards() -> dict[str, Tree]:
    """Read the dashboards as Grafana does: the name of the file without its end -> its content."""
    paths = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def panels(dashboard: Tree) -> list[Tree]:
    """Return a dashboard's panels without the titles of its rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def rule_files() -> list[Path]:
    """Return the files of rules."""
    return sorted((PROMETHEUS / "rules").glob("*.yml"))


def rule_tests() -> list[Path]:
    """Return the files of promtool tests."""
    return sorted((PROMETHEUS / "tests").glob("*.test.yml"))


@cache
def rules() -> list[Tree]:
    """Return every recording and alerting rule."""
    return [rule for path in rule_files() for group in read_yaml(path)["groups"] for rule in group["rules"]]


def recordings() -> list[Tree]:
    """Return the recording rules."""
    return [rule for rule in rules() if "record" in rule]


def alerts() -> list[Tree]:
    """Return the alerting rules."""
    return [rule for rule in rules() if "alert" in rule]


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its lines joined, and the stage it stands in."""

    stage: str
    name: str
    text: str


def dockerfile(text: str | None = None) -> list[Instruction]:
    """Split a Dockerfile, by default the project's, into instructions."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8") if text is None else text
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    instructions: list[Instruction] = []
    stage = ""
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        name, rest = line.strip().split(maxsplit=1)
        if name == "FROM":
            stage = rest.split()[-1]
        instructions.append(Instruction(stage, name, " ".join(rest.split())))
    return instructions
