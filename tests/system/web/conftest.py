import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.system.server import ROOT, Server, serving

expect.set_options(timeout=30_000)  # a busy machine is no defect

SCREENSHOTS = ROOT / "tests" / "output" / "screenshots"
"""Ignored by git; to be looked at after a change."""

Open = Callable[..., Page]
"""Opens a page of the service in a browser of its own; options as those of a context of Playwright."""


@pytest.fixture(scope="session")
def served(shipped_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with the shipped models and an experiment."""
    log = tmp_path_factory.mktemp("log") / "service.log"
    with serving(shipped_store, log, NUNCHI_EXPERIMENTS="deploy/experiments.toml") as server:
        loaded(server)
        yield server


def loaded(server: Server, seconds: float = 120) -> None:
    """Return once every version is there to be compared: a service is ready as soon as its default model is."""
    end = time.monotonic() + seconds
    while any(model["state"] == "loading" for model in httpx.get(f"{server.url}/models").json()["models"]):
        assert time.monotonic() < end, server.log.read_text(encoding="utf-8")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it the tests fail, they are not skipped."""
    path = shutil.which("chromium")
    assert path, "these tests need Debian's packages chromium and fonts-nanum"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, served: Server) -> Iterator[Open]:
    """Open pages; afterwards, fail if a page said anything to the console or asked another host for anything."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def watch(page: Page) -> None:
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(served.url) else None)
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))

    def open_page(path: str = "/", *, expected: str = "nothing", **options: object) -> Page:
        settings: dict[str, object] = {"locale": "en-US", "viewport": {"width": 1200, "height": 900}, **options}
        context = browser.new_context(**settings)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(served.url + path)
        allowed.append(expected)
        return page

    allowed: list[str] = []
    yield open_page
    for context in contexts:
        context.close()
    assert [said for said in complaints if not any(part in said for part in allowed)] == []


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep a picture of a page, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take
