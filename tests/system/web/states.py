"""Every page in every state that it has, and what axe finds in them."""

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.system.web.home import PHONE, ask, examples

AXE = Axe()


def violations(page: Page) -> list[str]:
    found = AXE.run(page).response["violations"]
    return [f"{item['id']}: {node['html'][:120]} {node['failureSummary']}" for item in found for node in item["nodes"]]


def nothing(page: Page) -> None:
    pass


def answered(page: Page) -> None:
    ask(page, examples()["hours"])
    page.get_by_role("button", name="forget").or_(page.get_by_role("button", name="망각")).click()
    expect(page.locator("canvas")).to_be_visible()
    page.locator("#choice summary").click()
    page.locator(".figures summary").click()
    page.locator("#share").click()
    page.locator(".token").nth(9).click()


def refused(page: Page) -> None:
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).not_to_be_empty()


def three_labels(page: Page) -> None:
    page.locator("#choice summary").click()
    page.get_by_role("checkbox", name="chatbot/1").check()
    ask(page, "헤어진 지 한 달이 지났어")


def cut(page: Page) -> None:
    ask(page, "재미있는 영화 " * 200)


def tried(page: Page) -> None:
    page.locator("summary", has_text="/compare").click()
    page.locator(".operation[open] .trial button").click()
    expect(page.locator(".output pre")).to_be_visible()
    page.locator("summary", has_text="/experiments/{name}/report").click()


def unfolded(page: Page) -> None:
    page.locator("details summary").last.click()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "home": ("/", nothing),
    "answered": ("/", answered),
    "refused": ("/", refused),
    "three labels": ("/", three_labels),
    "cut": ("/", cut),
    "models": ("/ui/models", nothing),
    "version": ("/ui/models/gru/1", unfolded),
    "experiments": ("/ui/experiments", nothing),
    "report": ("/ui/experiments/gru-or-lstm", nothing),
    "docs": ("/docs", tried),
    "dead link": ("/ui/models/nobody/1", nothing),
}
LOOKS: dict[str, dict[str, object]] = {
    "light, English": {"color_scheme": "light", "locale": "en-US"},
    "dark, Korean, phone": {"color_scheme": "dark", "locale": "ko-KR", "viewport": PHONE},
}
