"""Writes rows that were not scored, with their line and the reason, as JSON Lines."""

import base64
import json
from collections.abc import Iterable

from service.bulk.rows import Rejected
from service.bulk.utf8 import is_writable


def to_json_lines(rejected: Iterable[Rejected]) -> bytes:
    """Return an object a row: `line`, `reason`, and `row`, or `row_base64` where the row is no UTF-8."""
    return "".join(json.dumps(_described(row), ensure_ascii=False) + "\n" for row in rejected).encode()


def _described(row: Rejected) -> dict[str, str | int]:
    described: dict[str, str | int] = {"line": row.line, "reason": row.reason}
    if is_writable(row.raw):
        return {**described, "row": row.raw}
    raw = row.raw.encode("utf-8", "surrogateescape")
    return {**described, "row_base64": base64.b64encode(raw).decode()}
