import json

import pytest

from service.experiments.figures import Figures
from service.experiments.rendering import to_json, to_markdown
from service.experiments.wording import headline
from tests.service.experiments.phases import design, table_of
from tests.service.experiments.reports import every_kind, report_on

KINDS = every_kind()


@pytest.fixture(params=KINDS)
def report(request: pytest.FixtureRequest) -> Figures:
    return KINDS[request.param]


def test_json_holds_all_of_the_report(report: Figures) -> None:
    assert json.loads(to_json(report)) == report


@pytest.mark.parametrize("state", [name for name in KINDS if name != "split"])
def test_each_recommendation_is_what_it_is_called(state: str) -> None:
    assert KINDS[state]["recommendation"]["state"] == state


def test_markdown_is_read_from_the_verdict_down(report: Figures) -> None:
    shown = to_markdown(report)
    assert shown.startswith(f"# {headline(report)}\n")
    places = [shown.index(f"## {title}\n") for title in ("Why", "Health", "Arms", "Pairs", "Guardrails", "Numbers")]
    assert places == sorted(places)


def test_every_row_of_a_table_has_as_many_cells_as_its_head(report: Figures) -> None:
    for block in to_markdown(report).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.strip().splitlines()}) == 1


def test_the_winner_and_why_are_named() -> None:
    shown = to_markdown(KINDS["winner"])
    assert shown.startswith("# gru wins: keep it\n")
    assert "gru is right more often than lstm (decided after" in shown


def test_expected_labels_are_said_in_words() -> None:
    needed = KINDS["keep_collecting"]["recommendation"]["labels_needed"]
    assert f"About {needed:,} more labels are expected to be needed." in to_markdown(KINDS["keep_collecting"])


def test_a_bar_in_a_name_does_not_break_a_table() -> None:
    report = report_on(design(), table_of(10, 1, 1, 1))
    report["arms"][0]["arm"] = "a|b"
    assert "| a&#124;b |" in to_markdown(report)
