"""The README says what is true: its example gets its answer, its figures are those of the shipped versions."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest

from model_store.layout import DEFAULT_STORE, list_versions, verify
from tests.system.server import ROOT, Server, serving

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.system
def test_the_example_gets_the_answer_that_is_shown(tmp_path: Path) -> None:
    request = re.search(r"curl -d '(.+?)' http://127\.0\.0\.1:8000/predict", README)
    shown = re.search(r"```json\n(.+?)\n```", README, re.DOTALL)
    assert request
    assert shown

    with serving(DEFAULT_STORE, tmp_path / "service.log") as server:
        answer = httpx.post(f"{server.url}/predict", json=json.loads(request[1])).json()

    expected = json.loads(shown[1])
    assert answer.keys() == expected.keys()
    assert answer | {"prediction_id": ""} == expected | {"prediction_id": ""}


@pytest.mark.system
def test_the_experiment_that_is_shown_can_be_run_as_it_is_shown(tmp_path: Path) -> None:
    [declared] = re.findall(r"^NUNCHI_EXPERIMENTS=(\S+) make run$", README, re.MULTILINE)
    [traffic, report] = re.findall(
        r"^\.venv/bin/python -m (deploy\.traffic .+|service experiments .+)$", README, re.MULTILINE
    )
    [shown] = re.findall(r"```\n(# .+?)```", README, re.DOTALL)
    state = {
        "NUNCHI_SECRET_FILE": str(tmp_path / "secret"),
        "NUNCHI_VERSIONS_FILE": str(tmp_path / "versions.json"),
        "NUNCHI_STORE": f"sqlite:///{tmp_path / 'nunchi.db'}",
    }

    with serving(DEFAULT_STORE, tmp_path / "service.log", True, NUNCHI_EXPERIMENTS=declared, **state) as server:
        wait_for_experiment(server)
        said = run(f"{traffic} --url {server.url}", NUNCHI_DATA_DIR=str(reviews(tmp_path)))
        report_url = re.findall(r"^report: (\S+)$", said, re.MULTILINE)
        [page] = [httpx.get(url) for url in report_url]
    found = run(report, **state).splitlines()

    assert "300 labels taken, 0 known before" in said
    assert re.search(r"^report: \S+:8000(\S+)$", README, re.MULTILINE)[1] == page.url.path  # type: ignore[index]
    assert page.headers["content-type"].startswith("text/html")
    assert "| texts that count | 300 |  |" in found
    parts = [line for line in shown.splitlines() if line.startswith(("## ", "### ", "| arms", "| texts", "| ---"))]
    assert len(parts) >= 6
    assert set(parts) <= set(found)


def test_the_experiment_that_is_shown_is_the_one_that_is_declared() -> None:
    declared = tomllib.loads((ROOT / "deploy/experiments.toml").read_text(encoding="utf-8"))
    [experiment] = declared["experiment"]
    assert f"service experiments report {experiment['name']}\n" in README
    assert [arm["model"] for arm in experiment["arms"]] == experiment["name"].split("-or-")


def test_the_figures_are_those_of_the_shipped_versions() -> None:
    for ref in list_versions(DEFAULT_STORE):
        figures = verify(DEFAULT_STORE, ref).manifest.metrics
        row = f"| `{ref}` | "
        line = next(line for line in README.splitlines() if line.startswith(row))
        assert f" {figures['accuracy']:.4f} " in line


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def reviews(directory: Path) -> Path:
    """Write a data directory that has a test split of 300 reviews; return it."""
    rows = [f"{number}\t영화 {number} 정말 좋았어요\t{number % 2}\n" for number in range(300)]
    (directory / "nsmc").mkdir()
    (directory / "nsmc" / "ratings_test.txt").write_text("id\tdocument\tlabel\n" + "".join(rows), encoding="utf-8")
    return directory


def run(command: str, **settings: str) -> str:
    """Run a module as the README says; return what it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUNCHI_")}
    arguments = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(arguments, cwd=ROOT, env=inherited | settings, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def wait_for_experiment(server: Server) -> None:
    """Return once the experiment runs: the file is read within a second of the start."""
    end = time.monotonic() + 30
    while httpx.get(f"{server.url}/experiments").json()["experiments"][0]["state"] != "running":
        assert time.monotonic() < end, server.log.read_text(encoding="utf-8")
        time.sleep(0.05)
