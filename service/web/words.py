"""What pages say, by key: one file for each language in `strings/`, all with the same keys."""

import json
import re
import tomllib
from collections.abc import Mapping
from html import escape
from importlib.resources import files

from service.web.languages import Language

_PLACE = re.compile(r"\{\{([a-z_.0-9]+)\}\}")


class Words:
    """All that pages say in one language.

    Args:
        language: which one.
        said: the texts, by section and key; `{name}` in a text stands for a value.
    """

    def __init__(self, language: Language, said: Mapping[str, Mapping[str, str]]) -> None:
        self.language = language
        self._said = said

    @classmethod
    def read(cls, language: Language) -> "Words":
        """Read the file of a language."""
        source = files("service.web") / "strings" / f"{language}.toml"
        return cls(language, tomllib.loads(source.read_text(encoding="utf-8")))

    @property
    def keys(self) -> set[str]:
        """Every key, as `section.key`."""
        return {f"{section}.{key}" for section, texts in self._said.items() for key in texts}

    def __call__(self, key: str, **values: object) -> str:
        """Return a text as markup, values included; what they hold cannot become markup.

        Args:
            key: `section.key`.
            values: what its `{name}`s stand for.
        """
        return escape(self.plain(key, **values))

    def plain(self, key: str, **values: object) -> str:
        """Return the same as it is."""
        section, _, name = key.partition(".")
        text = self._said[section][name]
        return text.format(**values) if values else text

    def known(self, section: str, value: str) -> str:
        """Return what a value such as `ready` is called, as markup; the value itself where it has no other name."""
        return escape(self.name(section, value))

    def name(self, section: str, value: str) -> str:
        """Return the same as it is."""
        return self._said[section].get(value, value)

    def fill(self, template: str) -> str:
        """Replace every `{{section.key}}` of a template."""
        return _PLACE.sub(lambda match: self(match[1]), template)

    def data(self, *sections: str) -> str:
        """Return sections as JSON that may stand inside of an element of a page."""
        said = {section: self._said[section] for section in sections}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
