"""The page of the texts on which compared models disagree, opened as a file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from model_store.layout import verify
from tests.system.web.states import violations
from tests.training.conftest import reviews
from tests.versions import Shape, publish_version
from training.__main__ import main

pytestmark = [pytest.mark.system, pytest.mark.browser]

LABELS = ("bad", "good")
HOSTILE = "</script><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\"> 재미없지"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of three models with random weights, asked reviews and a few texts that look like markup."""
    directory = tmp_path_factory.mktemp("comparison")
    store = directory / "models"
    for seed in range(3):
        verify(store, publish_version(store, "gru", Shape(LABELS, seed=seed)))
    hostile = [(f"{HOSTILE} {number}", "good") for number in range(9)]
    numbered = [(f"{text} {number}", label) for number in range(4) for text, label in reviews()]
    lines = [f"{text}\t{label}\n" for text, label in [*numbered, *hostile]]
    (directory / "mine.tsv").write_text("text\tlabel\n" + "".join(lines).replace('"', ""), encoding="utf-8")
    arguments = ["gru/1", "gru/2", "gru/3", "--store", store, "--file", directory / "mine.tsv", "--out", directory]
    assert main(["compare", *map(str, arguments)]) == 0
    return directory / "disagreements.html"


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page; afterwards, fail if it complained or asked for anything."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 360, "height": 740})
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: said.append(asked.url) if asked.url != path.as_uri() else None)
    page.goto(path.as_uri())
    yield page
    context.close()
    assert said == []


def counts(page: Page) -> tuple[int, int]:
    """Return how many texts are chosen, and of how many."""
    text = page.get_by_role("status").inner_text()
    chosen, of = re.findall(r"\d+", text)[:2]
    return int(chosen), int(of)


def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(page: Page) -> None:
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_who_is_right_parts_the_texts_of_a_pair_in_two(page: Page) -> None:
    page.get_by_label("Models").select_option(label="gru/1 and gru/2")
    _, everything = counts(page)
    page.get_by_label("Right is").select_option(label="only gru/1")
    first, _ = counts(page)
    expect(page.locator("li").first).to_contain_text("✓ gru/1")
    expect(page.locator("li").first).to_contain_text("✗ gru/2")
    page.get_by_label("Right is").select_option(label="only gru/2")
    second, _ = counts(page)
    assert first + second == everything > 0


def test_lengths_labels_and_words_narrow_the_list(page: Page) -> None:
    _, everything = counts(page)
    page.get_by_label("Length").select_option(label="to 10 characters")
    short, _ = counts(page)
    assert 0 < short < everything
    assert all(len(text) <= 10 for text in page.locator(".text").all_inner_texts())
    page.get_by_label("True label").select_option(label="bad")
    assert counts(page)[0] < short
    page.get_by_label("Contains").fill("지루")
    assert all("지루" in text for text in page.locator(".text").all_inner_texts())


def test_texts_are_shown_as_text(page: Page) -> None:
    page.get_by_label("Contains").fill("onerror")
    expect(page.locator("li").first).to_contain_text("</script><script>document.title")
    assert page.title() == "Where the models disagree"
    assert page.locator("img").count() == 0


def test_long_lists_come_in_pieces(page: Page) -> None:
    chosen, _ = counts(page)
    assert chosen > 50
    expect(page.locator("li")).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("li")).to_have_count(min(100, chosen))
