"""The README says what is true: its example gets its answer, its figures are those of the shipped versions."""

import json
import re
from pathlib import Path

import httpx
import pytest

from model_store.layout import DEFAULT_STORE, list_versions, verify
from tests.system.server import ROOT, serving

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


def test_the_figures_are_those_of_the_shipped_versions() -> None:
    for ref in list_versions(DEFAULT_STORE):
        figures = verify(DEFAULT_STORE, ref).manifest.metrics
        row = f"| `{ref}` | "
        line = next(line for line in README.splitlines() if line.startswith(row))
        assert f" {figures['accuracy']:.4f} " in line


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
