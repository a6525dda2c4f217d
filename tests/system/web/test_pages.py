"""The pages of versions, experiments and the API, in a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.system.web.conftest import Open
from tests.system.web.home import PHONE

pytestmark = [pytest.mark.system, pytest.mark.browser]

Shot = Callable[[Page, str], None]


def test_a_version_is_found_and_shows_every_plot_of_its_report(opened: Open, shipped_store: Path, shot: Shot) -> None:
    plots = list(shipped_store.glob("lstm/1/assets.extra/report/*.png"))
    page = opened()
    page.get_by_role("link", name="Models").click()
    shot(page, "models")
    page.get_by_role("link", name="lstm/1").click()
    expect(page.locator("h1")).to_have_text("lstm/1")
    for plot in page.locator("img").all():
        plot.scroll_into_view_if_needed()
        expect(plot).to_have_js_property("complete", True)
        assert plot.evaluate("node => node.naturalWidth") > 0
    assert page.locator("img").count() == len(plots) > 0
    shot(page, "version")


def test_an_experiment_leads_to_its_report_in_both_languages(opened: Open, shot: Shot) -> None:
    page = opened("/ui/experiments")
    page.get_by_role("link", name="gru-or-lstm").click()
    expect(page.locator("h1")).to_have_text("Too few labels to say anything yet")
    page.get_by_role("link", name="한국어").click()
    expect(page.locator("h1")).to_have_text("라벨이 아직 너무 적어 아무 말도 할 수 없습니다")
    shot(page, "report")


def test_an_operation_is_tried_from_the_page_of_the_api(opened: Open, shot: Shot) -> None:
    page = opened("/docs")
    page.locator("summary", has_text="/compare").click()
    operation = page.locator("details.operation[open]")
    operation.locator("textarea").fill('{"text": "정말 \'최고\'였다", "models": ["gru"]}')
    expect(operation.locator(".trial pre").first).to_contain_text("""-d '{"text": "정말 '\\''최고'\\''였다\"""")
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator(".output")).to_contain_text("200 OK")
    expect(operation.locator(".output pre")).to_contain_text('"label": "positive"')
    shot(page, "docs")


def test_every_operation_of_the_api_can_be_opened_and_sent(opened: Open) -> None:
    page = opened("/docs", expected="Failed to load resource")
    operations = page.locator("details.operation")
    expect(operations.first).to_be_visible()
    assert operations.count() >= 15
    for operation in operations.all():
        operation.locator("summary").first.click()
        expect(operation.locator(".trial")).to_have_count(1)
        for field in operation.locator(".trial input").all():
            field.fill("gru-or-lstm" if "name" in field.locator("xpath=..").inner_text() else "7")
        operation.get_by_role("button", name="Send").click()
        expect(operation.locator(".output b")).to_contain_text("20" if "compare" in operation.inner_text() else "")
        operation.locator("summary").first.click()


def test_an_operation_has_an_address(opened: Open) -> None:
    page = opened("/docs#get/health/ready")
    expect(page.locator("details.operation[open] code").first).to_have_text("/health/ready")


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_pages_fit_on_a_phone(opened: Open, locale: str) -> None:
    page = opened("/ui/models", viewport=PHONE, locale=locale)
    for path in ("/ui/models", "/ui/models/gru/1", "/ui/experiments", "/ui/experiments/gru-or-lstm", "/docs"):
        page.goto("/".join(page.url.split("/")[:3]) + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator("html").get_attribute("lang") == locale[:2]


def test_a_dead_link_leads_back(opened: Open) -> None:
    page = opened("/ui/models/nobody/1", expected="404")
    expect(page.locator("h1")).to_have_text("There is nothing here")
    page.get_by_role("link", name="Back to the beginning").click()
    expect(page.get_by_role("textbox").first).to_be_visible()
