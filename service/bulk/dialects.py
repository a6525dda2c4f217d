"""How a table is written: what separates cells, and whether they may be quoted."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.bulk.framing import MAX_ROW_BYTES, end_of_lines, end_of_records, split_records
from service.bulk.rows import Value

_BREAKS = re.compile(r"[\t\r\n]")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way of writing tables, a row a line.

    Attributes:
        delimiter: between cells.
        quoted: whether cells may be quoted with `"`, doubled inside, as RFC 4180 and spreadsheet programs do; if not,
            quotes stand for themselves and no cell can hold a delimiter or a line break.
    """

    delimiter: str
    quoted: bool

    @property
    def whole_rows(self) -> Callable[[bytes], int]:
        """The function that returns the length of the whole rows at the beginning of a block."""
        if not self.quoted:
            return end_of_lines
        delimiter = self.delimiter.encode()
        return lambda block: end_of_records(block, delimiter)

    def rows(self, body: bytes) -> list[str]:
        """Cut whole rows apart, without their line breaks; bytes that are no UTF-8 become lone surrogates."""
        if self.quoted and b'"' in body:
            records = split_records(body, self.delimiter.encode())
            return [record.removesuffix(b"\r").decode("utf-8", "surrogateescape") for record in records]
        text = body.decode("utf-8", "surrogateescape")
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        return text.removesuffix("\n").split("\n") if text else []

    def split(self, row: str) -> list[str]:
        """Return the cells of a row.

        Raises:
            csv.Error: if it is not quoted as it should be.
        """
        if not self.quoted or '"' not in row:
            return row.split(self.delimiter)
        csv.field_size_limit(2 * MAX_ROW_BYTES)
        [cells] = csv.reader([row], delimiter=self.delimiter, strict=True)
        return cells

    def join(self, values: Sequence[Value]) -> str | None:
        """Return a row; None if this dialect cannot hold one of its values."""
        cells = [_cell(value) for value in values]
        if self.quoted:
            return self.delimiter.join([self._quote(cell) for cell in cells])
        return None if any(_BREAKS.search(cell) for cell in cells) else self.delimiter.join(cells)

    def _quote(self, cell: str) -> str:
        if self.delimiter in cell or '"' in cell or "\n" in cell or "\r" in cell:
            return '"' + cell.replace('"', '""') + '"'
        return cell


TSV = Dialect("\t", quoted=False)
QUOTED_TSV = Dialect("\t", quoted=True)
CSV = Dialect(",", quoted=True)


def _cell(value: Value) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
