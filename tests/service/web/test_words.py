import json
import re

import pytest

from service.web.languages import LANGUAGES
from service.web.pages import Pages
from service.web.words import Words
from tests.service.web.modules import STATIC, reached, source

WEB = STATIC.parent
ALL = {language: Words.read(language) for language in LANGUAGES}
EN = ALL["en"]

USE = re.compile(r"""["'`]([a-z]+)\.([a-z_0-9]*)(?:["'`]|(\$?\{))""")
"""A key as code names it, such as `say("home.compare")`, or the beginning of one: `gates.${gate}`."""


def used() -> tuple[set[str], set[str]]:
    """Return the keys that templates and modules name, and the beginnings of those that they put together."""
    keys: set[str] = set()
    beginnings: set[str] = set()
    sections = {key.partition(".")[0] for key in EN.keys}
    sources = [*WEB.glob("static/*.js"), *WEB.glob("*.py"), *WEB.glob("templates/*.html")]
    for path in sources:
        text = path.read_text(encoding="utf-8").replace("{{", '"').replace("}}", '"')
        for section, name, opened in USE.findall(text):
            if section in sections and name not in ("js", "css", "html"):
                (beginnings if opened or not name else keys).add(f"{section}.{name}")
    return keys, beginnings


def named() -> set[str]:
    """Return the sections whose keys are values of the service: nobody writes them out."""
    return {"labels", "states", "modes", "figures", "gates", "problems"}


def test_both_languages_say_the_same_things() -> None:
    assert ALL["en"].keys == ALL["ko"].keys


@pytest.mark.parametrize("key", sorted(EN.keys))
def test_a_text_has_the_same_values_in_both_languages_and_is_not_empty(key: str) -> None:
    found = [re.findall(r"\{(\w+)\}", words.plain(key)) for words in ALL.values()]
    assert sorted(found[0]) == sorted(found[1])
    assert all(words.plain(key).strip() for words in ALL.values())


def test_every_text_that_a_page_says_is_there() -> None:
    keys, _ = used()
    assert len(keys) > 100
    assert keys <= EN.keys


def test_no_text_is_there_for_nothing() -> None:
    keys, beginnings = used()
    spare = {key for key in EN.keys - keys if not any(key.startswith(beginning) for beginning in beginnings)}
    assert {key for key in spare if key.partition(".")[0] not in named()} == set()


def test_korean_is_korean() -> None:
    same = {key for key in EN.keys if ALL["ko"].plain(key) == EN.plain(key)}
    assert {key for key in same if re.search("[a-z]{4}", re.sub(r"\{\w+\}", "", EN.plain(key)))} == {"experiments.how"}


def test_a_value_cannot_become_markup() -> None:
    assert EN("models.lead", default="<b>") == EN("models.lead", default="x").replace("x.", "&lt;b&gt;.")
    assert EN.known("states", "<i>") == "&lt;i&gt;"


def test_data_cannot_end_the_element_that_it_stands_in() -> None:
    words = Words("en", {"a": {"b": "</script><script>"}})
    assert "<" not in words.data("a")
    assert json.loads(words.data("a")) == {"a": {"b": "</script><script>"}}


def test_a_template_that_names_no_text_stops_the_start() -> None:
    with pytest.raises(KeyError):
        EN.fill("<p>{{home.nothing_like_it}}</p>")


def test_every_module_finds_what_it_says_in_its_page() -> None:
    """A page carries only some sections: a module that says another one would break in front of its reader."""
    pages = Pages(docs=True)
    for page, script in ((pages.home("en"), "home.js"), (pages.docs("en"), "docs.js")):
        [data] = re.findall(r'id="words">(.+?)</script>', page.body.decode())
        for module in reached(script):
            sections = re.findall(r"""(?:say|called)\([`"]([a-z]+)[.`"]""", source(module))
            assert set(sections) <= set(json.loads(data)), module
