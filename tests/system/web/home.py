"""What the tests do on the page that sets models side by side."""

import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, ViewportSize, expect

from tests.system.server import ROOT, Server

TURN = "연기도 영상도 음악도 다 좋았는데 결말이 전부 망쳤다"
WIDE: ViewportSize = {"width": 1200, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}

COSTS = """() => ({
    bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .reduce((sum, entry) => sum + entry.transferSize, 0),
    requests: performance.getEntriesByType("resource").length + 1,
    paint_s: performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000,
})"""
"""What a page has cost, as the browser measures it: bytes, requests, and seconds until it showed something."""


def ask(page: Page, text: str) -> None:
    """Type a text, press the button, and wait until every picture is there."""
    page.get_by_role("textbox").first.fill(text)
    page.locator("button[type=submit]").click()
    explained(page)


def explained(page: Page) -> None:
    """Wait until every picture is there."""
    expect(page.locator("#why")).to_be_visible(timeout=30_000)
    expect(page.locator("#why")).to_have_attribute("aria-busy", "false", timeout=30_000)


def beside(server: Server) -> list[str]:
    """Return the versions that are asked where none is chosen: those with the labels of the default model."""
    listed = httpx.get(f"{server.url}/models").json()
    labels = {model["model"]: model["labels"] for model in listed["models"]}
    return [
        f"{model['model']}/{model['version']}"
        for model in listed["models"]
        if model["labels"] == labels[listed["default"]]
    ]


def examples() -> dict[str, str]:
    """Return the examples of the page, by their keys."""
    source = Path(ROOT, "service/web/static/examples.js").read_text(encoding="utf-8")
    found = re.findall(r'key: "(\w+)",\s+text:\s+((?:"[^"]+"\s*\+?\s*)+)', source)
    return {key: "".join(re.findall(r'"([^"]+)"', parts)) for key, parts in found}
