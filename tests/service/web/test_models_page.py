from typing import Any

import pytest

from service.schemas import AliasStatus, ModelList, ModelStatus
from service.web.models_page import _all_figures, _behaviour, figure, models_page
from service.web.words import Words

WORDS = Words.read("en")
FIGURES = {"accuracy": 0.87, "behaviour_all": 0.752, "behaviour_negation": 0.516}


def listed(aliases: list[AliasStatus], broken: str | None = None) -> ModelList:
    common: dict[str, Any] = {"state": "ready", "reason": None, "engine": "onnx", "device": "cpu", "metrics": {}}
    common |= {"model": "gru", "labels": ["a", "b"], "certain_from": None, "digest": "0" * 64}
    models = [ModelStatus(version=version, **common) for version in (1, 2)]
    return ModelList(default="gru", models=models, aliases=aliases, broken=broken)


def alias(name: str, version: int, answering: int | None) -> AliasStatus:
    return AliasStatus(model="gru", alias=name, version=version, answering=answering, previous=None, since="now")


def test_aliases_stand_beside_the_version_that_they_point_to() -> None:
    body = models_page(listed([alias("stable", 1, 1), alias("canary", 2, 1)]), WORDS).body
    first, second = body.split('<th scope="row">')[1:]
    assert "<td>stable</td>" in first
    assert "<td>canary (→ 1)</td>" in second


def test_an_alias_of_another_model_is_not_that_of_this_one() -> None:
    other = alias("stable", 1, 1).model_copy(update={"model": "lstm"})
    assert "stable" not in models_page(listed([other]), WORDS).body


def test_a_file_of_aliases_that_is_not_understood_is_told() -> None:
    body = models_page(listed([], broken="<line 1>"), WORDS).body
    assert "cannot be understood" in body
    assert "&lt;line 1&gt;" in body
    assert "cannot be understood" not in models_page(listed([]), WORDS).body


def test_shares_of_behaviour_tests_have_a_section_of_their_own() -> None:
    figures, behaviour = _all_figures(FIGURES, WORDS), _behaviour(FIGURES, WORDS)
    assert "accuracy" in figures
    assert "negation" not in figures
    assert "<dt>negation</dt><dd>51.6%</dd>" in behaviour


def test_a_version_that_was_not_tested_so_has_no_such_section() -> None:
    assert _behaviour({"accuracy": 0.87}, WORDS) == ""


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("accuracy", 0.87056, "0.8706"),
        ("parameters", 669121.0, "669,121"),
        ("training_seconds", 939.8, "939.8"),
        ("behaviour_all", 0.752, "75.2%"),
    ],
)
def test_figures_are_written_as_people_write_them(name: str, value: float, written: str) -> None:
    assert figure(name, value) == written
