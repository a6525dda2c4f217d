"""Says in another language what reports say in English: their sentences are made where figures are known, not here."""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files

from service.web.languages import Language

_PLACE = re.compile(r"\{(\w+)\}")


class Phrases:
    """The sentences of reports in one language.

    Args:
        said: what each English sentence is in this language; `{name}` stands for the same value in both.
    """

    def __init__(self, said: Mapping[str, str]) -> None:
        self._said = {english: other for english, other in said.items() if not _PLACE.search(english)}
        self._patterns = [(_pattern(english), other) for english, other in said.items() if english not in self._said]

    @classmethod
    def read(cls, language: Language) -> "Phrases":
        """Read the file of a language; English says itself."""
        if language == "en":
            return cls({})
        source = files("service.web") / "strings" / f"report.{language}.toml"
        return cls(tomllib.loads(source.read_text(encoding="utf-8")))

    def __call__(self, english: str) -> str:
        """Return a text in this language; as it is where it is a name or a number, or nobody knows better."""
        if english in self._said:
            return self._said[english]
        for pattern, other in self._patterns:
            if found := pattern.fullmatch(english):
                return other.format(**found.groupdict())
        return english


def _pattern(english: str) -> re.Pattern[str]:
    parts = _PLACE.split(english)
    return re.compile("".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)))
