import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from service.experiments.figures import Figures
from service.experiments.page import to_html
from tests.service.experiments.phases import design, table_of
from tests.service.experiments.reports import every_kind, report_on

KINDS = every_kind()
VOID = {"meta"}


class Nesting(HTMLParser):
    """Collects elements, and fails where one ends that is not the last to have begun."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(params=KINDS)
def page(request: pytest.FixtureRequest) -> str:
    return to_html(KINDS[request.param])


def elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Nesting()
    parser.feed(page)
    assert not parser.open
    return parser.seen


def test_a_page_is_well_formed_and_loads_nothing(page: str) -> None:
    seen = elements(page)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in seen}
    assert not [
        name for _, attributes in seen for name in attributes if name in ("src", "href") or name.startswith("on")
    ]
    assert "url(" not in page
    assert "@import" not in page


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


def test_the_page_is_made_for_light_and_dark() -> None:
    page = to_html(KINDS["winner"])
    assert "color-scheme: light dark" in page
    assert "prefers-color-scheme: dark" in page


def test_names_cannot_become_markup() -> None:
    report: Figures = report_on(design(), table_of(10, 6, 1, 1))
    report["arms"][0]["arm"] = report["pairs"][0]["arm_a"] = "<script>alert(1)</script>"
    report["experiment"] = "<b>"
    report["recommendation"]["reasons"] = ["<i>"]
    assert not {"script", "b", "i"} & {tag for tag, _ in elements(to_html(report))}


def test_the_course_of_a_comparison_is_drawn_once_there_is_one() -> None:
    assert "polyline" in to_html(KINDS["winner"])
    assert "too few labels to draw" in to_html(KINDS["insufficient"])
