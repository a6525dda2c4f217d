"""Where rows end in a stream of bytes, without reading the rows themselves.

A quote opens a cell only where a cell begins; anywhere else it stands for itself. A cell that is not closed within
`MAX_ROW_BYTES` was never opened: a single stray quote cannot swallow the rest of a file.
"""

import re
from collections.abc import Iterator

MAX_ROW_BYTES = 1 << 20
"""Beyond it a row need not be kept in memory; a request may not be larger either."""

_QUOTE, _NEWLINE = b'"', b"\n"
_REST_OF_CELL = re.compile(rb'[^"]*+(?:""[^"]*+)*+"')


def end_of_lines(block: bytes) -> int:
    """Return the length of the whole lines at the beginning of `block`."""
    return block.rfind(_NEWLINE) + 1


def end_of_records(block: bytes, delimiter: bytes) -> int:
    """Return the length of the whole records at the beginning of `block`, where cells may be quoted."""
    end, position = 0, 0
    for start, stop in _quoted_cells(block, delimiter, final=False):
        end = max(end, block.rfind(_NEWLINE, position, start) + 1)
        position = stop
    return max(end, block.rfind(_NEWLINE, position) + 1)


def split_records(block: bytes, delimiter: bytes) -> list[bytes]:
    """Cut whole records apart, where cells may be quoted; each without the line break behind it."""
    records: list[bytes] = []
    begun, position = 0, 0
    for start, stop in (*_quoted_cells(block, delimiter, final=True), (len(block), len(block))):
        while (newline := block.find(_NEWLINE, position, start)) >= 0:
            records.append(block[begun:newline])
            begun = position = newline + 1
        position = stop
    if begun < len(block):
        records.append(block[begun:])
    return records


def _quoted_cells(block: bytes, delimiter: bytes, *, final: bool) -> Iterator[tuple[int, int]]:
    """Yield where quoted cells begin and end; one that may go on behind a block that is not final ends with it."""
    position = 0
    while (start := block.find(_QUOTE, position)) >= 0:
        position = start + 1
        if start and block[start - 1 : start] not in (delimiter, _NEWLINE):
            continue
        limit = position + MAX_ROW_BYTES
        if closed := _REST_OF_CELL.match(block, position, limit):
            position = closed.end()
            yield start, position
        elif not final and limit > len(block):
            yield start, len(block)
            return
