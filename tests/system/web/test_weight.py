"""What the first page costs: how much is sent, and how soon something is seen."""

from typing import Any

import pytest

from tests.system.web.conftest import Open
from tests.system.web.home import COSTS, ask, examples

pytestmark = [pytest.mark.system, pytest.mark.browser]

MOST_BYTES = 200_000
SLOWEST_S = 5.0
"""Generous: other tests may run beside this one. `docs/proof.md` has what is measured on a machine of its own."""


def test_the_first_page_is_light_and_soon_there(opened: Open) -> None:
    page = opened()
    page.wait_for_load_state("networkidle")
    costs: dict[str, Any] = page.evaluate(COSTS)
    assert 10_000 < costs["bytes"] <= MOST_BYTES
    assert costs["paint_s"] <= SLOWEST_S


def test_so_it_is_with_the_answers_to_a_long_text(opened: Open) -> None:
    page = opened()
    ask(page, examples()["beginning"])
    assert page.evaluate(COSTS)["bytes"] <= MOST_BYTES


def test_files_are_not_loaded_twice(opened: Open) -> None:
    page = opened()
    page.wait_for_load_state("networkidle")
    first = page.evaluate(COSTS)["bytes"]
    page.goto(page.url + "ui/models")
    page.goto(page.url.removesuffix("ui/models"))
    page.wait_for_load_state("networkidle")
    assert page.evaluate(COSTS)["bytes"] < first / 3
