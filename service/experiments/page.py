"""A report as one HTML page: no script, nothing loaded, light or dark as the reader's system is."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from service.experiments import drawing
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
    pairs_table,
    subject,
    who_is_right,
)

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d0d7de; --accent: #0a58ca; --bad: #b3261e;
  --good: #1a7f37 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --line: #3d444d; --accent: #6cb0ff;
  --bad: #ff8a80; --good: #57d16f } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 60rem; padding: 1rem }
.verdict { border-left: .4rem solid var(--accent); padding-left: 1rem }
.verdict.unhealthy, .verdict.harmful { border-color: var(--bad) }
.verdict.winner, .verdict.equivalent { border-color: var(--good) }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .5rem 0 }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; white-space: nowrap }
svg { width: 100%; height: auto } svg text { fill: var(--ink); font-size: 12px }
.band { fill: var(--accent); opacity: .2 } .line { fill: none; stroke: var(--accent); stroke-width: 2 }
.margin { fill: var(--good); opacity: .15 } .zero { stroke: var(--ink); stroke-dasharray: 4 4 }
.bar { fill: var(--accent) } .mark { stroke: var(--ink); stroke-width: 3 }
"""

STYLE_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
"""By which a Content-Security-Policy allows this style and no other."""


def to_html(report: Report) -> str:
    """Return the page."""
    title = f"{report['experiment']}: {headline(report)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"{''.join(_sections(report))}</main></body></html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    yield _verdict(report)
    yield _section("Health", _table("Checks of traffic and labels", health_table(report)))
    yield _section("Traffic", _traffic(report))
    yield _section("Difference over time", "".join(_course(report, pair) for pair in report["pairs"]))
    yield _section("Arms", _table("Each arm by itself", arms_table(report)))
    pairs = [_table("Arms side by side", pairs_table(report))]
    pairs += [
        _table(f"{p['arm_a']} and {p['arm_b']}: who is right", who_is_right(p))
        for p in report["pairs"]
        if "both_right" in p
    ]
    yield _section("Pairs", "".join(pairs))
    yield _section("Guardrails", _table("What must not get worse", guardrails_table(report)))
    yield _section("Numbers", _table("For the record", numbers_table(report)))


def _verdict(report: Report) -> str:
    recommendation = report["recommendation"]
    state = recommendation["state"]
    reasons = "".join(f"<li>{escape(words)}</li>" for words in (*recommendation["reasons"], *recommendation["notes"]))
    return (
        f'<header class="verdict {state}"><h1>{escape(headline(report))}</h1>'
        f"<p>{escape(state)}: {escape(subject(report))}</p><ul>{reasons}</ul><p>{escape(outlook(report))}</p></header>"
    )


def _traffic(report: Report) -> str:
    test = report["health"]["srm"]["assignments"]
    total, expected = sum(test["counts"].values()) or 1, sum(test["expected"].values()) or 1
    rows = [(arm, count / total, test["expected"][arm] / expected) for arm, count in test["counts"].items()]
    return drawing.shares(rows, "Clients by the arm that serves them")


def _course(report: Report, pair: Mapping[str, Any]) -> str:
    name = names(pair)
    if not pair["course"]:
        return f"<p>{escape(name)}: too few labels to draw.</p>"
    return drawing.interval_over_labels(pair["course"], report["design"]["margin"], f"Difference of accuracies, {name}")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _table(caption: str, table: Table) -> str:
    columns, rows = table
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
