import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from service.experiments.figures import Figures
from service.experiments.page import report_page
from service.web.phrases import Phrases
from tests.service.experiments.phases import design, table_of
from tests.service.experiments.reports import every_kind, report_on

KINDS = every_kind()
ENGLISH = Phrases({})


class Nesting(HTMLParser):
    """Collects elements, and fails where one ends that is not the last to have begun."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(params=KINDS)
def page(request: pytest.FixtureRequest) -> str:
    return body_of(KINDS[request.param])


def body_of(report: Figures) -> str:
    return report_page(report, None, ENGLISH).body


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Nesting()
    parser.feed(page)
    assert not parser.open
    return parser.seen


def test_a_page_is_well_formed_and_loads_nothing(page: str) -> None:
    seen = elements(page)
    assert not {"script", "style", "link", "img", "iframe", "object"} & {tag for tag, _ in seen}
    assert not [
        name for _, attributes in seen for name in attributes if name in ("src", "href", "style") or name[:2] == "on"
    ]


def test_every_plot_says_in_words_what_it_shows(page: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert plots
    for plot in plots:
        root = ElementTree.fromstring(plot)
        assert root.get("role") == "img"
        assert [child.tag for child in root][:2] == ["title", "desc"]
        assert all(child.text for child in list(root)[:2])


def test_every_table_has_a_caption_and_heads(page: str) -> None:
    tags = [tag for tag, _ in elements(page)]
    assert tags.count("table") == tags.count("caption") > 0
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in elements(page) if tag == "th")


def test_the_other_language_shows_the_same_phase() -> None:
    assert report_page(KINDS["winner"], 3, ENGLISH).query == {"phase": "3"}
    assert report_page(KINDS["winner"], None, ENGLISH).query == {}


def test_what_is_said_in_another_language_is_said_there() -> None:
    said = report_page(KINDS["winner"], None, Phrases({"{arm} wins: keep it": "{arm} 승리", "Health": "건강"}))
    assert "<h1>gru 승리</h1>" in said.body
    assert "<h2>건강</h2>" in said.body
    assert said.title == "nsmc: gru 승리"


def test_names_are_never_taken_for_words() -> None:
    report: Figures = report_on(design(), table_of(10, 6, 1, 1))
    report["arms"][0]["arm"] = "shadow"
    body = report_page(report, None, Phrases({"shadow": "섀도", "arm": "대상"})).body
    assert '<th scope="row">shadow</th>' in body


def test_names_cannot_become_markup() -> None:
    report: Figures = report_on(design(), table_of(10, 6, 1, 1))
    report["arms"][0]["arm"] = report["pairs"][0]["arm_a"] = "<script>alert(1)</script>"
    report["experiment"] = "<b>"
    report["recommendation"]["reasons"] = ["<i>"]
    assert not {"script", "b", "i"} & {tag for tag, _ in elements(body_of(report))}


def test_the_course_of_a_comparison_is_drawn_once_there_is_one() -> None:
    assert "polyline" in body_of(KINDS["winner"])
    assert "too few labels to draw" in body_of(KINDS["insufficient"])
