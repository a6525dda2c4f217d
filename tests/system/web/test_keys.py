"""Pages where keys are asked for: a browser opens them with the key as its password."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, HttpCredentials, expect

from tests.system.server import ROOT, Server, serving
from tests.system.web.home import TURN, ask

pytestmark = [pytest.mark.system, pytest.mark.browser]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


def key(file: Path, scope: str) -> str:
    command = [sys.executable, "-m", "service", "keys", "create", "--name", scope, "--scopes", scope]
    return subprocess.run(
        [*command, "--file", str(file)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def keys(file: Path) -> dict[str, HttpCredentials]:
    return {scope: {"username": "anybody", "password": key(file, scope)} for scope in ("predict", "metrics")}


@pytest.fixture(scope="module")
def locked(
    shipped_store: Path, tmp_path_factory: pytest.TempPathFactory, file: Path, keys: dict[str, HttpCredentials]
) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "service.log"
    with serving(shipped_store, log, NUNCHI_API_KEYS_FILE=str(file)) as server:
        yield server


def test_with_a_key_all_of_it_works(browser: Browser, locked: Server, keys: dict[str, HttpCredentials]) -> None:
    context = browser.new_context(http_credentials=keys["predict"], locale="en-US")
    page = context.new_page()
    page.goto(locked.url)
    ask(page, TURN)
    expect(page.locator(".answer").first).to_be_visible()
    page.goto(f"{locked.url}/ui/models/gru/1")
    assert page.locator("img").first.evaluate("node => node.decode().then(() => node.naturalWidth)") > 0
    context.close()


def test_with_a_key_that_may_not_predict_the_page_says_so(
    browser: Browser, locked: Server, keys: dict[str, HttpCredentials]
) -> None:
    context = browser.new_context(http_credentials=keys["metrics"], locale="en-US")
    page = context.new_page()
    page.goto(locked.url)
    page.get_by_role("textbox").first.fill(TURN)
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("Your key does not allow this.")
    page.goto(f"{locked.url}/docs#post/compare")
    page.locator(".operation[open] .trial button").click()
    expect(page.locator(".output")).to_contain_text("403")
    page.locator("#key input").fill(str(keys["predict"]["password"]))
    page.locator(".operation[open] .trial button").click()
    expect(page.locator(".output")).to_contain_text("200 OK")
    assert str(keys["predict"]["password"]) not in page.locator(".operation[open]").inner_text()
    context.close()


def test_without_a_key_there_is_nothing_to_see(browser: Browser, locked: Server) -> None:
    context = browser.new_context(extra_http_headers={"accept": "text/html"})
    answer = context.request.get(locked.url)
    assert answer.status == 401
    assert "basic" in answer.headers["www-authenticate"].lower()
    context.close()
