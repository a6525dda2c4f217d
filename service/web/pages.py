"""The pages whose content is the same for everybody: made once for each language, then answered from memory."""

from collections.abc import Mapping
from importlib.resources import files

from service.web.files import HTML, File, Files
from service.web.languages import LANGUAGES, Language
from service.web.phrases import Phrases
from service.web.shell import DOCS, Page, Shell
from service.web.words import Words

_HOME = (
    *("answers", "asking", "axis", "element", "examples", "gates", "labels", "lines", "models"),
    *("pictures", "reading", "sharing", "table", "units", "why"),
)
_DOCS = ("asking", "element", "schema", "trying")


class Pages:
    """Everything that pages are made of.

    Args:
        docs: whether there is a page of the API.

    Attributes:
        files: what pages load.
        shell: what they have in common.
        words: what they say, by language.
        phrases: what reports say, by language.
    """

    def __init__(self, docs: bool) -> None:
        self.files = Files.read()
        self.shell = Shell(self.files, docs)
        self.words: Mapping[Language, Words] = {language: Words.read(language) for language in LANGUAGES}
        self.phrases: Mapping[Language, Phrases] = {language: Phrases.read(language) for language in LANGUAGES}
        self._home = {language: self._prepared(_home(words), words) for language, words in self.words.items()}
        self._docs = {language: self._prepared(_docs(words), words) for language, words in self.words.items()}

    def home(self, language: Language) -> File:
        """Return the page that sets models side by side."""
        return self._home[language]

    def docs(self, language: Language) -> File:
        """Return the page of the API."""
        return self._docs[language]

    def _prepared(self, page: Page, words: Words) -> File:
        return File.of(self.shell.around(page, words).encode(), HTML)


def _home(words: Words) -> Page:
    return Page(
        title=words.plain("home.title"),
        place="/",
        body=words.fill(_template("home.html")),
        styles=("home.css",),
        script="home.js",
        imports=_modules(_HOME),
        words=("home", "labels", "gates", "problems"),
    )


def _docs(words: Words) -> Page:
    return Page(
        title=words.plain("docs.title"),
        place=DOCS,
        body=words.fill(_template("docs.html")),
        styles=("docs.css",),
        script="docs.js",
        imports=_modules(_DOCS),
        words=("docs", "problems"),
    )


def _modules(names: tuple[str, ...]) -> list[str]:
    return [f"{name}.js" for name in (*names, "words")]


def _template(name: str) -> str:
    return (files("service.web") / "templates" / name).read_text(encoding="utf-8")
