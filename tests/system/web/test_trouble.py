"""What the page at / says when there is nothing to ask, no answer, or one that comes late."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.system.server import Server
from tests.system.web.conftest import Open
from tests.system.web.home import ask, beside, explained

pytestmark = [pytest.mark.system, pytest.mark.browser]

Shot = Callable[[Page, str], None]


@pytest.mark.parametrize(
    ("status", "retry_after", "words", "again"),
    [
        (429, "3", "Too much is being asked at once. It can be asked again in 3 s.", True),
        (503, "2", "The models are not ready yet. It can be asked again in 2 s.", True),
        (504, "", "That took too long.", True),
        (500, "", "Something went wrong. It is not your text.", True),
        (403, "", "Your key does not allow this. Open the page again and give one that does.", False),
        (404, "", "One of the chosen models is not served any more.", False),
    ],
)
def test_a_refusal_is_said_in_plain_words(opened: Open, status: int, retry_after: str, words: str, again: bool) -> None:
    page = opened(expected=str(status))
    body = {"type": "urn:nunchi:problem:x", "title": "t", "status": status, "detail": "d", "request_id": "r"}
    headers = {"content-type": "application/problem+json"} | ({"retry-after": retry_after} if retry_after else {})

    def refuse(route: Route) -> None:
        route.fulfill(status=status, headers=headers, body=json.dumps(body))

    page.route("**/compare", refuse)
    page.get_by_role("textbox").first.fill("재미있다")
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert").locator("p")).to_contain_text(words)
    expect(page.locator("#results")).to_be_hidden()
    if again:
        page.unroute("**/compare")
        page.get_by_role("button", name="Try again").click()
        explained(page)
        expect(page.get_by_role("alert")).to_be_empty()
    else:
        assert page.get_by_role("button", name="Try again").count() == 0


def test_answers_stay_where_they_cannot_be_explained(opened: Open, served: Server) -> None:
    page = opened(expected="429")
    page.route("**/explain", lambda route: route.fulfill(status=429, body="{}"))
    page.get_by_role("textbox").first.fill("재미있다")
    page.locator("button[type=submit]").click()
    expect(page.locator(".answer")).to_have_count(len(beside(served)))
    expect(page.get_by_role("alert")).to_contain_text("Too much is being asked at once.")
    expect(page.locator("#why")).to_be_hidden()


def test_no_text_and_too_long_a_text_are_told_before_anything_is_sent(opened: Open, shot: Shot) -> None:
    page = opened()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    box = page.get_by_role("textbox").first
    for text, words in (("", "There is nothing to read yet."), (" \n ", "There is nothing"), ("가" * 5001, "too long")):
        box.fill(text)
        page.locator("button[type=submit]").click()
        expect(page.get_by_role("alert")).to_contain_text(words)
        expect(box).to_be_focused()
    expect(page.locator("#count")).to_have_text("5,001 of 5,000 characters")
    assert sent == []
    shot(page, "too-long")


def test_a_service_that_is_gone_is_told_as_that(opened: Open, shot: Shot) -> None:
    page = opened(expected="ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.get_by_role("textbox").first.fill("재미있다")
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")
    shot(page, "gone")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    explained(page)


def test_a_late_answer_never_replaces_that_to_a_later_question(opened: Open) -> None:
    page = opened()
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/compare", hold_the_first)
    box = page.get_by_role("textbox").first
    box.fill("재미있다")
    page.keyboard.press("Control+Enter")
    ask(page, "지루하다")
    said = page.locator(".answers").inner_text()
    held[0].continue_()
    page.wait_for_timeout(300)
    assert page.locator(".answers").inner_text().split("ms")[0] == said.split("ms")[0]
