"""The page at / as its readers use it: in a real browser, against the real service and the shipped models."""

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.system.server import Server
from tests.system.web.conftest import Open
from tests.system.web.home import PHONE, TURN, ask, beside, examples, explained

pytestmark = [pytest.mark.system, pytest.mark.browser]

Shot = Callable[[Page, str], None]


def test_every_model_answers_what_is_typed(opened: Open, served: Server, shot: Shot) -> None:
    page = opened()
    ask(page, TURN)
    compared = httpx.post(f"{served.url}/compare", json={"text": TURN}).json()
    count = len(beside(served))
    assert len(compared["models"]) == count
    cards = page.locator(".answer")
    expect(cards).to_have_count(count)
    for place, model in enumerate(compared["models"]):
        card = cards.nth(place).inner_text()
        assert f"{model['model']}/{model['version']}" in card
        assert model["label"] in card
        assert f"{100 * model['score']:.1f}".rstrip("0").rstrip(".") + "%" in card
        assert f"{model['tokens']} tokens" in card
        assert re.search(r"[\d.]+ ms", card)
    assert page.locator("#agreement").inner_text() == "Most say positive, but not rnn"
    assert page.locator(".reading").count() == page.locator(".cells").count() == count
    told = httpx.post(f"{served.url}/explain", json={"text": TURN}).json()["models"]
    assert page.locator("#trajectory polyline").count() == count
    assert page.locator("#memory polyline").count() == sum(len(model["layers"]) for model in told)
    shot(page, "home")


def test_as_many_for_a_label_as_against_it_are_no_majority(opened: Open, served: Server) -> None:
    text = examples()["an"]
    body = {"text": text, "models": ["bigru", "gru"]}
    label = httpx.post(f"{served.url}/compare", json=body).json()["agreement"]["label"]
    who = ("bigru", "gru") if label == "positive" else ("gru", "bigru")
    page = opened(f"/#text={quote(text)}&models=bigru,gru")
    explained(page)
    assert page.locator("#agreement").inner_text() == f"They are divided: {who[0]} for {label}, {who[1]} against"


def test_a_word_that_is_pointed_at_is_marked_in_every_picture(opened: Open, served: Server, shot: Shot) -> None:
    page, count = opened(), len(beside(served))
    ask(page, TURN)
    before = page.locator(".value").first.inner_text()
    page.locator(".reading").nth(1).locator(".token", has_text="좋았는데").hover()
    expect(page.locator('.token[aria-selected="true"]')).to_have_text(["좋았는데"] * count)
    expect(page.locator("#trajectory .mark")).to_have_count(1)
    expect(page.locator("#trajectory .word.chosen")).to_have_text("좋았는데")
    assert page.locator('.cursor[visibility="visible"]').count() == page.locator(".strip").count()
    assert page.locator(".value").first.inner_text() != before
    shot(page, "hover")
    page.mouse.move(5, 5)
    expect(page.locator('.token[aria-selected="true"]')).to_have_count(0)
    expect(page.locator("#trajectory .mark")).to_have_count(0)
    page.locator("#trajectory").scroll_into_view_if_needed()
    page.locator("#trajectory svg").hover(position={"x": 200, "y": 60})
    expect(page.locator('.token[aria-selected="true"]')).to_have_count(count)


def test_all_of_it_can_be_done_with_the_keyboard(opened: Open, served: Server) -> None:
    page = opened()
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox").first).to_be_focused()
    page.keyboard.insert_text("하나도 안 재미있어요")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.locator("button[type=submit]")).to_be_focused()
    page.keyboard.press("Enter")
    explained(page)
    reach(page, ".tokens")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator('.token[aria-selected="true"]')).to_have_text(["안"] * len(beside(served)))
    focused = page.locator(".tokens").first
    active = page.locator(f"#{focused.get_attribute('aria-activedescendant')}")
    assert "\u2068안\u2069" in (active.get_attribute("aria-label") or "")
    page.keyboard.press("Escape")
    expect(page.locator('.token[aria-selected="true"]')).to_have_count(0)
    reach(page, ".gate")
    page.keyboard.press("Enter")
    expect(page.locator("canvas")).to_be_visible()


def reach(page: Page, selector: str) -> None:
    """Press Tab until an element that fits has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"no Tab leads to {selector}")


def test_ctrl_and_enter_compare_too(opened: Open) -> None:
    page = opened()
    page.get_by_role("textbox").first.fill("재미있다")
    page.keyboard.press("Control+Enter")
    explained(page)


def test_the_other_language_keeps_the_text_and_is_remembered(opened: Open, shot: Shot) -> None:
    page = opened()
    ask(page, TURN)
    page.locator(".language").click()
    explained(page)
    assert page.locator("html").get_attribute("lang") == "ko"
    assert page.get_by_role("textbox").first.input_value() == TURN
    assert page.locator("#agreement").inner_text() == "대부분 긍정, rnn만 다르게 답함"
    assert "lang=" not in page.url
    shot(page, "home-korean")
    page.goto(page.url.partition("#")[0] + "ui/models")
    assert page.locator("html").get_attribute("lang") == "ko"
    expect(page.locator("h1")).to_have_text("모델과 버전")


def test_a_shared_link_shows_the_same_and_no_request_ever_names_the_text(opened: Open, served: Server) -> None:
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    ask(page, TURN)
    page.locator("#share").click()
    link = page.locator("#shared input").input_value()
    expect(page.locator("#shared span")).to_have_text("Link copied")
    assert page.evaluate("navigator.clipboard.readText()") == link
    asked: list[str] = []
    other = opened("/ui/models")
    other.on("request", lambda request: asked.append(unquote(request.url)))
    other.goto(link)
    explained(other)
    assert other.locator("#agreement").inner_text() == page.locator("#agreement").inner_text()
    assert asked
    assert not [url for url in asked if "연기" in url.partition("#")[0]]
    assert "연기" not in served.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("fragment", ["text=%", "text=%FF%FE", "=&&&=", "models=gru", "text=좋아&models=,,nobody/7,"])
def test_a_broken_link_breaks_nothing(opened: Open, served: Server, fragment: str) -> None:
    page = opened(f"/#{fragment}", expected="404")
    ask(page, "재미있다")
    assert page.locator(".answer").count() == (1 if fragment == "models=gru" else len(beside(served)))


def test_models_are_chosen_and_those_with_other_labels_go_alone(opened: Open, served: Server, shot: Shot) -> None:
    page = opened()
    page.locator("#choice summary").click()
    for other in set(beside(served)) - {"gru/1"}:
        page.get_by_role("checkbox", name=other, exact=True).uncheck()
    ask(page, "재미있다")
    expect(page.locator(".answer h3")).to_have_text(["gru/1"])
    page.get_by_role("checkbox", name="chatbot/1").check()
    assert not page.get_by_role("checkbox", name="gru/1", exact=True).is_checked()
    ask(page, "헤어진 지 한 달이 지났어")
    expect(page.locator(".bars li")).to_have_count(3)
    expect(page.locator(".cells h4")).to_have_text(["Layer 1, forwards", "Layer 1, backwards"])
    shot(page, "three-labels")
    page.locator("#follow select").select_option("love")
    expect(page.locator("#words-note")).to_contain_text("love")


def test_what_the_words_did_is_measured_in_two_ways_and_as_a_table(opened: Open, served: Server) -> None:
    page = opened()
    ask(page, TURN)
    models = httpx.post(f"{served.url}/explain", json={"text": TURN}).json()["models"]
    told = models[0]
    starts = [[each["start"] for each in model["tokens"]] for model in models]
    token = starts[0].index(TURN.index("좋았는데"))
    page.locator(".figures summary").click()
    cell = page.locator(".figures tbody tr", has_text="좋았는데").locator("td").nth(1)
    assert float(cell.inner_text()) == pytest.approx(100 * told["occlusion"][token], abs=0.051)
    page.get_by_label("gradients").check()
    expect(page.locator("#words-note")).to_contain_text("Integrated gradients")
    assert float(cell.inner_text()) == pytest.approx(100 * told["integrated_gradients"]["values"][token], abs=0.051)
    assert page.locator(".figures tbody tr").count() == len(set().union(*starts))


def test_every_unit_of_a_gate_can_be_seen(opened: Open, served: Server, shot: Shot) -> None:
    page = opened()
    ask(page, TURN)
    told = httpx.post(f"{served.url}/explain", json={"text": TURN, "models": ["lstm"]}).json()["models"][0]
    page.get_by_role("button", name="forget").click()
    canvas = page.locator("canvas")
    expect(canvas).to_have_attribute("height", str(told["layers"][0]["units"]))
    page.wait_for_function("document.querySelector('canvas').getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0")
    shot(page, "units")
    page.get_by_role("button", name="forget").click()
    expect(canvas).to_be_hidden()


@pytest.mark.parametrize("key", examples())
def test_an_example_is_one_press_away(opened: Open, key: str) -> None:
    page = opened()
    page.locator("#examples button").nth(list(examples()).index(key)).click()
    explained(page)
    assert page.get_by_role("textbox").first.input_value() == examples()[key]
    assert page.locator("#hint").inner_text()


def test_it_fits_on_a_phone(opened: Open, served: Server, shot: Shot) -> None:
    page = opened(viewport=PHONE, locale="ko-KR", device_scale_factor=2)
    ask(page, examples()["beginning"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ends = page.locator("svg .name").evaluate_all("names => names.map((name) => name.getBoundingClientRect().right)")
    assert len(ends) > 2 * len(beside(served))  # of one that reads both ways there are two memories
    assert max(ends) <= 360
    assert page.locator("html").get_attribute("lang") == "ko"
    shot(page, "phone")


def test_it_is_dark_where_the_system_is_and_moves_nothing_where_nothing_shall_move(opened: Open, shot: Shot) -> None:
    page = opened(color_scheme="dark", reduced_motion="reduce")
    ask(page, TURN)
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert int(red) < 60
    moving = "[...document.querySelectorAll('*')].filter(e => e.getAnimations().length).length"
    assert page.evaluate(moving) == 0
    shot(page, "dark")
