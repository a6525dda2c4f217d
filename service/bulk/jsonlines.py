"""Reads and writes JSON Lines: an object a line, which keeps its spelling."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.bulk.columns import TEXT_COLUMN, AddedColumns
from service.bulk.framing import end_of_lines
from service.bulk.rows import Chunk, Position, Predictions, Reason, Rejected, Rows, Value
from service.bulk.streams import CHUNK_BYTES, ByteStream, cut_chunks
from service.bulk.utf8 import is_utf8, is_writable

_BOM = "\ufeff"
_BLANKS = " \t\r"


@dataclass(frozen=True, slots=True)
class JsonContent:
    """Objects as they stand in the input, without blanks around them, and what they hold."""

    columns: Sequence[str]
    rows: list[str]
    objects: list[dict[str, Value]]

    def raw(self, place: int) -> str:
        """Return an object as it stands in the input."""
        return self.rows[place]

    def values(self, place: int) -> Sequence[Value]:
        """Return what an object holds for each column of the input."""
        found = self.objects[place]
        return [found.get(column) for column in self.columns]


@dataclass(frozen=True, slots=True)
class JsonParser:
    """Reads objects.

    Attributes:
        columns: that the first objects have.
        text_column: which one holds the text; None for `text`, or the only one of an object.
        closed: whether an object may have no other columns, because the output has a header.
        taken: names that no object may have, because the output adds them.
    """

    columns: Sequence[str]
    text_column: str | None
    closed: bool = False
    taken: frozenset[str] = frozenset()

    def parse(self, body: bytes, line: int) -> Rows:
        """Return the objects of a chunk; blank lines are none."""
        rows = Rows([], [], JsonContent(self.columns, kept := [], objects := []), [])
        all_utf8 = is_utf8(body) and b"\\ud" not in body.lower()
        decoded = body.decode("utf-8", "surrogateescape")
        for number, spelt in enumerate(decoded.removesuffix("\n").split("\n"), line):
            row = (spelt if number > 1 else spelt.lstrip(_BOM)).strip(_BLANKS)
            if not row:
                continue
            found = _object(row)
            reason, text = self._text(found)
            if not all_utf8 and not is_writable(row + (text or "")):
                reason = "invalid_utf8"
            if reason:
                rows.rejected.append(Rejected(number, reason, row))
            else:
                rows.texts.append(text)
                rows.lines.append(number)
                kept.append(row)
                objects.append(found)
        return rows

    def _text(self, found: dict[str, Any] | None) -> tuple[Reason | None, str]:
        """Return the text of an object, or why it has none."""
        if found is None:
            return "malformed", ""
        if self.text_column is None and len(found) == 1:
            [text] = found.values()
        else:
            text = found.get(self.text_column or TEXT_COLUMN)
        if not isinstance(text, str):
            return "missing_text", ""
        if not self.taken.isdisjoint(found):
            return "column_collision", text
        if self.closed and not found.keys() <= set(self.columns):
            return "unknown_column", text
        return None, text


@dataclass(frozen=True, slots=True)
class JsonWriter:
    """Writes objects.

    Attributes:
        columns: of the input.
        added: the members behind them.
        same: whether the input is JSON Lines as well, so that its objects need no change.
    """

    columns: Sequence[str]
    added: AddedColumns
    same: bool

    def head(self) -> bytes:
        """Return nothing: every object names its members."""
        return b""

    def write(self, rows: Rows, predictions: Predictions) -> tuple[bytes, list[Rejected]]:
        """Return the objects; there is nothing that they cannot hold."""
        templates = [[self._template(label, each) for each in ("false", "true")] for label in self.added.labels]
        lines: list[str] = []
        for place, label, probabilities in zip(*predictions, strict=True):
            content = rows.content
            row = (
                content.raw(place)
                if self.same
                else _literal(dict(zip(self.columns, content.values(place), strict=True)))
            )
            score = probabilities[label]
            lines.append(row[:-1] + templates[label][score < self.added.certain_from] % (score, *probabilities))
        return "".join(lines).encode(), []

    def _template(self, label: str, uncertain: str) -> str:
        """Return what follows the last member of an object of this label."""
        names = [_escaped(name) for name in self.added.names]
        values = [_escaped(label), *["%.6f"] * (1 + len(self.added.labels)), uncertain, _escaped(self.added.model)]
        return "".join(f", {name}: {value}" for name, value in zip(names, values, strict=True)) + "}\n"


class JsonSource:
    """Objects, a line each."""

    def __init__(self, stream: ByteStream, text_column: str | None) -> None:
        self._stream = stream
        self.parser = JsonParser((), text_column)
        first = stream.look(CHUNK_BYTES)
        lines = first.decode("utf-8", "replace").lstrip(_BOM).split("\n")
        objects = [found for line in lines if (found := _object(line)) is not None]
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(name for found in objects for name in found))
        """The names that the first objects have, in the order of their appearance."""

    def chunks(self, start: Position | None) -> Iterator[Chunk]:
        """Yield the lines from `start` on, or all of them."""
        return cut_chunks(self._stream, start or Position(0, 1), end_of_lines)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _object(row: str) -> dict[str, Any] | None:
    """Return what a line holds; None if it is not one JSON object."""
    try:
        found = json.loads(row)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    """Return `text` as JSON, safe inside of a template."""
    return _literal(text).replace("%", "%%")
