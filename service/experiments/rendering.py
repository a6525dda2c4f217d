"""A report as JSON and as Markdown, which is read from the top: verdict, why, health, tables, numbers."""

import json
from collections.abc import Iterator, Sequence

from service.experiments.wording import (
    Report,
    Table,
    arms_table,
    guardrails_table,
    headline,
    health_table,
    names,
    numbers_table,
    outlook,
    paired,
    pairs_table,
    subject,
    who_is_right,
)


def to_json(report: Report) -> bytes:
    """Return the report as JSON; the same report is the same bytes."""
    return json.dumps(report, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def to_markdown(report: Report) -> str:
    """Return the report for a person."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    recommendation = report["recommendation"]
    yield f"# {headline(report)}"
    yield f"\n`{recommendation['state']}`: {subject(report)}"
    yield "\n## Why\n"
    yield from (f"- {reason}" for reason in (*recommendation["reasons"], *recommendation["notes"]))
    if expected := outlook(report):
        yield f"\n{expected}"
    for title, table in (
        ("Health", health_table(report)),
        ("Arms", arms_table(report)),
        ("Pairs", pairs_table(report)),
        ("Guardrails", guardrails_table(report)),
    ):
        yield f"\n## {title}\n"
        yield from _table(table)
    for pair in paired(report):
        yield f"\n### Who is right: {names(pair)}\n"
        yield from _table(who_is_right(pair))
    yield "\n## Numbers\n"
    yield from _table(numbers_table(report))


def _table(table: Table) -> Iterator[str]:
    columns, rows = table
    yield _row(columns)
    yield _row(["---"] * len(columns))
    yield from (_row(row) for row in rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
