"""Reads and writes TSV and CSV."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.bulk.columns import AddedColumns, find_text_column
from service.bulk.dialects import Dialect
from service.bulk.framing import MAX_ROW_BYTES
from service.bulk.rows import Chunk, Position, Predictions, Rejected, Rows, Value
from service.bulk.streams import ByteStream, cut_chunks
from service.bulk.utf8 import is_utf8, is_writable
from service.errors import StartError

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class TableContent:
    """Rows of a table, as they stand in the input but for the line break."""

    dialect: Dialect
    rows: list[str]

    def raw(self, place: int) -> str:
        """Return a row as it stands in the input."""
        return self.rows[place]

    def values(self, place: int) -> Sequence[Value]:
        """Return the cells of a row."""
        return self.dialect.split(self.rows[place])


@dataclass(frozen=True, slots=True)
class TableParser:
    """Reads rows of a table.

    Attributes:
        dialect: how they are written.
        width: how many cells each must have.
        text_place: which of them is the text.
    """

    dialect: Dialect
    width: int
    text_place: int

    def parse(self, body: bytes, line: int) -> Rows:
        """Return the rows of a chunk; an empty line is a row only where there is but one column."""
        rows = Rows([], [], TableContent(self.dialect, kept := []), [])
        all_utf8 = is_utf8(body)
        for row in self.dialect.rows(body):
            if not all_utf8 and not is_writable(row):
                rows.rejected.append(Rejected(line, "invalid_utf8", row))
            elif len(cells := self._cells(row)) == self.width:
                rows.texts.append(cells[self.text_place])
                rows.lines.append(line)
                kept.append(row)
            elif row:
                rows.rejected.append(Rejected(line, "malformed", row))
            line += 1 + row.count("\n")
        return rows

    def _cells(self, row: str) -> Sequence[str]:
        try:
            return self.dialect.split(row)
        except csv.Error:
            return ()


@dataclass(frozen=True, slots=True)
class TableWriter:
    """Writes rows of a table.

    Attributes:
        dialect: how they are written.
        columns: of the input.
        added: the columns behind them.
        same: whether the input has the same dialect, so that its rows need no change.
    """

    dialect: Dialect
    columns: Sequence[str]
    added: AddedColumns
    same: bool

    def head(self) -> bytes:
        """Return the header line.

        Raises:
            StartError: if a name of a column cannot be written.
        """
        row = self.dialect.join([*self.columns, *self.added.names])
        if row is None:
            raise StartError("a name of a column holds a tab or a line break, which plain TSV cannot hold; use CSV")
        return f"{row}\n".encode()

    def write(self, rows: Rows, predictions: Predictions) -> tuple[bytes, list[Rejected]]:
        """Return the rows, and those that hold what this dialect cannot."""
        templates = [[self._template(label, each) for each in ("false", "true")] for label in self.added.labels]
        certain_from = self.added.certain_from
        lines: list[str] = []
        rejected: list[Rejected] = []
        for place, label, probabilities in zip(*predictions, strict=True):
            content = rows.content
            row = content.raw(place) if self.same else self.dialect.join(content.values(place))
            if row is None:
                rejected.append(Rejected(rows.lines[place], "not_representable", content.raw(place)))
            else:
                score = probabilities[label]
                lines.append(row + templates[label][score < certain_from] % (score, *probabilities))
        return "".join(lines).encode(), rejected

    def _template(self, label: str, uncertain: str) -> str:
        """Return what is added to a row of this label, with a place for its score and each probability."""
        numbers = ["%.6f"] * (1 + len(self.added.labels))
        label, model = ((self.dialect.join([name]) or "").replace("%", "%%") for name in (label, self.added.model))
        return self.dialect.delimiter + self.dialect.delimiter.join([label, *numbers, uncertain, model]) + "\n"


class TableSource:
    """A table with a header line.

    Raises:
        StartError: if it has no header, or not the column of the texts.
    """

    def __init__(self, stream: ByteStream, dialect: Dialect, text_column: str | None) -> None:
        self._stream = stream
        self._dialect = dialect
        header, self._begin = _take_header(stream, dialect)
        self.columns: tuple[str, ...] = tuple(header)
        """Their names, in order."""
        self.parser = TableParser(dialect, len(header), find_text_column(header, text_column))

    def chunks(self, start: Position | None) -> Iterator[Chunk]:
        """Yield the rows from `start` on, or all of them."""
        return cut_chunks(self._stream, start or self._begin, self._dialect.whole_rows)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _take_header(stream: ByteStream, dialect: Dialect) -> tuple[list[str], Position]:
    """Return the names of the columns, and where the rows begin."""
    block = stream.look(2 * MAX_ROW_BYTES)
    row = next(iter(dialect.rows(block.removeprefix(_BOM))), "")
    length = len(_BOM) * block.startswith(_BOM) + len(row.encode("utf-8", "surrogateescape"))
    length += 1 + block.startswith(b"\r\n", length)
    try:
        names = dialect.split(row)
    except csv.Error as error:
        raise StartError(f"the header cannot be split into columns: {error}") from error
    if not is_writable(row):
        raise StartError("the header is not UTF-8; save the file as UTF-8 (files from Korean Windows are often CP949)")
    if not any(names):
        raise StartError("the input is empty: it must begin with a header line")
    stream.take(min(length, len(block)))
    return names, Position(stream.offset, 2 + row.count("\n"))
