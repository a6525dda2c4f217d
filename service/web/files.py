"""The files that pages load: a fixed table, read once, compressed once; nothing is looked up by a path from outside."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

HTML = "text/html; charset=utf-8"
_STYLE = "text/css; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"

TABLE: Mapping[str, str] = {
    "style.css": _STYLE,
    "home.css": _STYLE,
    "docs.css": _STYLE,
    "icon.svg": "image/svg+xml",
    "answers.js": _SCRIPT,
    "asking.js": _SCRIPT,
    "axis.js": _SCRIPT,
    "docs.js": _SCRIPT,
    "element.js": _SCRIPT,
    "examples.js": _SCRIPT,
    "gates.js": _SCRIPT,
    "home.js": _SCRIPT,
    "labels.js": _SCRIPT,
    "lines.js": _SCRIPT,
    "models.js": _SCRIPT,
    "pictures.js": _SCRIPT,
    "reading.js": _SCRIPT,
    "schema.js": _SCRIPT,
    "sharing.js": _SCRIPT,
    "table.js": _SCRIPT,
    "trying.js": _SCRIPT,
    "units.js": _SCRIPT,
    "why.js": _SCRIPT,
    "words.js": _SCRIPT,
}
"""Every file by its name, with its media type."""

_WORTH_COMPRESSING = 512
"""Bytes; less fits into one packet anyway."""


@dataclass(frozen=True, slots=True)
class File:
    """What is answered as it is.

    Attributes:
        body: its bytes.
        compressed: the same, by gzip; None where that is not shorter.
        media_type: its `Content-Type`.
        etag: names these bytes, quotes included.
    """

    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> "File":
        """Prepare bytes to be answered."""
        compressed = gzip.compress(body, 9, mtime=0) if len(body) >= _WORTH_COMPRESSING else body
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return cls(body, compressed if len(compressed) < len(body) else None, media_type, etag)


class Files:
    """All files that pages load.

    Args:
        found: by name.
    """

    def __init__(self, found: Mapping[str, File]) -> None:
        self._found = found
        etags = "".join(f"{name}{file.etag}" for name, file in sorted(found.items()))
        self.digest = hashlib.sha256(etags.encode()).hexdigest()[:16]
        """Stands in the address of every file and changes with any of them, so that browsers may keep them for good."""

    @classmethod
    def read(cls) -> "Files":
        """Read every file of the table."""
        directory = files("service.web") / "static"
        return cls({name: File.of((directory / name).read_bytes(), media) for name, media in TABLE.items()})

    def get(self, name: str) -> File | None:
        """Return a file; None for a name that is not in the table."""
        return self._found.get(name)

    def url(self, name: str) -> str:
        """Return where a page finds a file."""
        return f"/ui/static/{self.digest}/{name}"
