"""Reading TSV and CSV files of texts and labels; every unusable row is named by file and line."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from training.errors import DataError


class Row(NamedTuple):
    """One text with its label, as they stand in the file."""

    text: str
    label: str


def read_table(path: Path, text_column: str, label_column: str, *, quoted: bool = True) -> list[Row]:
    """Read a table with a header line, `.csv` or `.tsv` or `.txt` (tabs), gzipped or not, in UTF-8.

    Args:
        path: the file.
        text_column: the name of the column of the texts.
        label_column: the name of the column of the labels.
        quoted: whether cells may be quoted with `"`, as spreadsheet programs write them.

    Returns:
        The rows in order; labels without blanks around them. Empty texts are kept.

    Raises:
        DataError: if the file cannot be read, is not UTF-8, lacks a column, holds a row of another width than the
            header or without a label, or fewer than two different labels; with the line.
    """
    content = read_text(path)
    delimiter = "," if ".csv" in path.suffixes else "\t"
    lines = io.StringIO(content, newline="")
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    reader = csv.reader(
        lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    rows = list(_rows(reader, path, (text_column, label_column)))
    labels = {row.label for row in rows}
    if len(labels) < 2:
        found = f"all {len(rows)} rows are {labels.pop()!r}" if labels else "there are no rows"
        raise DataError(path, f"at least two different labels are needed in column {label_column!r}; {found}")
    return rows


def read_text(path: Path) -> str:
    """Read a text file, unpacking `.gz`.

    Raises:
        DataError: if it is not there, not a gzip file although named so, or not UTF-8 (with the line).
    """
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, f"cannot be read: {error}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            path, "is not UTF-8; save it as UTF-8 (files from Korean Windows are often CP949)", line
        ) from error


def _rows(reader: Iterator[list[str]], path: Path, columns: Sequence[str]) -> Iterator[Row]:
    line = 1
    try:
        header = next(reader, [])
        for column in columns:
            if column not in header:
                raise DataError(path, f"no column {column!r}; the header names {', '.join(header) or 'nothing'}", 1)
        text, label = (header.index(column) for column in columns)
        for cells in reader:
            line = reader.line_num  # type: ignore[attr-defined]  # the csv reader's own counter
            if not cells:
                continue
            if len(cells) != len(header):
                raise DataError(path, f"{len(cells)} cells, the header has {len(header)}", line)
            if not cells[label].strip():
                raise DataError(path, f"no label in column {columns[1]!r}", line)
            yield Row(cells[text], cells[label].strip())
    except csv.Error as error:
        reason = "a quotation mark is never closed" if "end of data" in str(error) else str(error)
        raise DataError(path, f"cannot be split into cells: {reason}", line + 1) from error
