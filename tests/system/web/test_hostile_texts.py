"""Whatever is typed is shown as text: nothing of it runs, and nothing breaks."""

import pytest
from playwright.sync_api import expect

from tests.system.server import Server
from tests.system.web.conftest import Open
from tests.system.web.home import PHONE, ask, beside

pytestmark = [pytest.mark.system, pytest.mark.browser]

TEXTS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)> 재미있다 </textarea><svg onload=alert(3)>",
    "template": "{{constructor.constructor('alert(1)')()}} ${alert(1)} {label} 재미있다 %s",
    "right to left": "재미\u202e있다 \u2067영화\u2069 \u200f별로\u061c مرحبا بالعالم שלום",
    "emoji": "최고 👍🏽 👨‍👩‍👧‍👦 🇰🇷 재미있다 😂😂😂😂 ㅋㅋㅋㅋㅋㅋ e\u0301 각",
    "one word": "재" * 5000,
    "long": "영화가 정말 재미있었다. " * 350 + "끝까지 봤다",
    "zalgo": "재\u0300\u0301\u0302\u0303\u0304\u0305미\u0306\u0307\u0308있다" * 20,
    "controls": "재미\u0000있다\u0007 \u200b\ufeff영화\u2028별로\u2029 \t끝",
    "lines": "재미있다\n\n\n  영화  \r\n별로 " * 5,
}


@pytest.mark.parametrize("name", TEXTS)
def test_it_is_shown_as_text(opened: Open, served: Server, name: str) -> None:
    text = TEXTS[name]
    page = opened(viewport=PHONE)
    ask(page, text)
    typed = page.get_by_role("textbox").first.input_value()
    expect(page.locator(".reading")).to_have_count(len(beside(served)))
    for reading in page.locator(".read").all():
        shown = str(reading.evaluate("node => node.textContent"))
        assert shown
        assert typed.startswith(shown)
    assert page.locator("main script, main img, main iframe, main textarea").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".token").first.hover()
    page.locator(".figures summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_text_that_turns_its_direction_turns_nothing_else(opened: Open, served: Server) -> None:
    page = opened()
    ask(page, TEXTS["right to left"])
    for place in (".token", "#trajectory .word"):
        assert page.locator(place).first.evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"
    assert page.locator(".reading h3").first.inner_text() == beside(served)[0]


def test_a_text_of_5000_characters_is_read_from_its_beginning(opened: Open) -> None:
    page = opened()
    ask(page, TEXTS["long"])
    expect(page.locator(".reading").first.locator(".note")).to_contain_text("It read the first 256 tokens")
    assert page.locator(".reading").first.locator(".token").count() == 256
    assert page.locator(".cut").first.inner_text().endswith("끝까지 봤다")
