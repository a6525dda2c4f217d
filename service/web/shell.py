"""What all pages have in common: the head, the way to the other pages and to the other language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from service.web.files import Files
from service.web.languages import LANGUAGES, NAMES, PARAMETER
from service.web.words import Words

DOCS = "/docs"
PLACES: Mapping[str, str] = {
    "/": "shell.read",
    "/ui/models": "shell.models",
    "/ui/experiments": "shell.experiments",
    DOCS: "shell.docs",
}
"""The pages that every page leads to, with what they are called."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is particular to a page.

    Attributes:
        title: what a browser shows in its tab; as it is, not as markup.
        place: which of `PLACES` it belongs to.
        body: its content, as markup.
        styles: style sheets beside that of all pages.
        script: the module that it starts; empty if it needs none.
        imports: the modules that this one needs: a browser fetches them all at once.
        words: the sections of texts that the module says.
        query: what the address holds beside the language.
    """

    title: str
    place: str
    body: str
    styles: Sequence[str] = ()
    script: str = ""
    imports: Sequence[str] = ()
    words: Sequence[str] = ()
    query: Mapping[str, str] | None = None


class Shell:
    """Puts what all pages have in common around a page.

    Args:
        files: the files that pages load.
        docs: whether there is a page of the API to lead to.
    """

    def __init__(self, files: Files, docs: bool) -> None:
        self._files = files
        self._places = {path: key for path, key in PLACES.items() if docs or path != DOCS}

    def around(self, page: Page, words: Words) -> str:
        """Return the whole page as markup."""
        return (
            f'<!doctype html><html lang="{words.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>{escape(page.title)} – nunchi</title>{self._links(page)}</head><body>"
            f'<a class="skip" href="#main">{words("shell.skip")}</a>{self._header(page, words)}'
            f'<main id="main" tabindex="-1">{page.body}</main>{_data(page, words)}</body></html>\n'
        )

    def _links(self, page: Page) -> str:
        url = self._files.url
        styles = "".join(f'<link rel="stylesheet" href="{url(name)}">' for name in ("style.css", *page.styles))
        imports = "".join(f'<link rel="modulepreload" href="{url(name)}">' for name in page.imports)
        script = f'<script type="module" src="{url(page.script)}"></script>' if page.script else ""
        return f'<link rel="icon" type="image/svg+xml" href="{url("icon.svg")}">{styles}{imports}{script}'

    def _header(self, page: Page, words: Words) -> str:
        links = "".join(
            f'<li><a href="{path}"{_current(path == page.place)}>{words(key)}</a></li>'
            for path, key in self._places.items()
        )
        return (
            '<header class="top"><a class="brand" href="/">nunchi <span lang="ko">눈치</span></a>'
            f'<nav aria-label="{words("shell.pages")}"><ul>{links}</ul></nav>{_languages(page, words)}</header>'
        )


def _languages(page: Page, words: Words) -> str:
    """Return the links to the page in the other languages; each speaks the language that it leads to."""
    links = (
        f'<a class="language" lang="{language}" hreflang="{language}" '
        f'href="?{escape(urlencode({**(page.query or {}), PARAMETER: language}))}">{NAMES[language]}</a>'
        for language in LANGUAGES
        if language != words.language
    )
    return "".join(links)


def _current(here: bool) -> str:
    return ' aria-current="page"' if here else ""


def _data(page: Page, words: Words) -> str:
    """Return what the module of a page says: data, which no policy takes for a script."""
    return f'<script type="application/json" id="words">{words.data(*page.words)}</script>' if page.words else ""
