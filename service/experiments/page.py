"""A report as a page: no script, the same look and languages as all pages."""

from collections.abc import Iterator, Mapping
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
from service.web.elements import section, table
from service.web.phrases import Phrases
from service.web.shell import Page


def report_page(report: Report, phase: int | None, say: Phrases) -> Page:
    """Return the page.

    Args:
        report: what it shows.
        phase: the number that was asked for; None for the newest.
        say: the sentences of reports in the language of the page.
    """
    return Page(
        title=f"{report['experiment']}: {say(headline(report))}",
        place="/ui/experiments",
        body=f'<div class="report">{"".join(_sections(report, say))}</div>',
        query={} if phase is None else {"phase": str(phase)},
    )


def _sections(report: Report, say: Phrases) -> Iterator[str]:
    yield _verdict(report, say)
    yield section(say("Health"), _table("Checks of traffic and labels", health_table(report), say))
    yield section(say("Traffic"), _traffic(report, say))
    yield section(say("Difference over time"), "".join(_course(report, pair, say) for pair in report["pairs"]))
    yield section(say("Arms"), _table("Each arm by itself", arms_table(report), say, 1))
    pairs = [_table("Arms side by side", pairs_table(report), say)]
    pairs += [
        _table(f"{p['arm_a']} and {p['arm_b']}: who is right", who_is_right(p), say)
        for p in report["pairs"]
        if "both_right" in p
    ]
    yield section(say("Pairs"), "".join(pairs))
    yield section(say("Guardrails"), _table("What must not get worse", guardrails_table(report), say))
    yield section(say("Numbers"), _table("For the record", numbers_table(report), say, 2))


def _verdict(report: Report, say: Phrases) -> str:
    recommendation = report["recommendation"]
    state = recommendation["state"]
    said = (say(words) for words in (*recommendation["reasons"], *recommendation["notes"]))
    reasons = "".join(f"<li>{escape(words)}</li>" for words in said)
    return (
        f'<header class="verdict {state}"><h1>{escape(say(headline(report)))}</h1>'
        f"<p>{escape(say(state))}: {escape(say(subject(report)))}</p>"
        f"<ul>{reasons}</ul><p>{escape(say(outlook(report)))}</p></header>"
    )


def _traffic(report: Report, say: Phrases) -> str:
    test = report["health"]["srm"]["assignments"]
    total, expected = sum(test["counts"].values()) or 1, sum(test["expected"].values()) or 1
    rows = [(arm, count / total, test["expected"][arm] / expected) for arm, count in test["counts"].items()]
    return drawing.shares(rows, say("Clients by the arm that serves them"), say)


def _course(report: Report, pair: Mapping[str, Any], say: Phrases) -> str:
    name = names(pair)
    if not pair["course"]:
        return f"<p>{escape(say(f'{name}: too few labels to draw.'))}</p>"
    title = say(f"Difference of accuracies, {name}")
    return drawing.interval_over_labels(pair["course"], report["design"]["margin"], title, say)


def _table(caption: str, shown: Table, say: Phrases, names: int = 0) -> str:
    """Return a table; the first `names` cells of a row are names, which are the same in any language."""
    columns, rows = shown
    cells = [[escape(cell if place < names else say(cell)) for place, cell in enumerate(row)] for row in rows]
    return table(say(caption), [say(column) for column in columns], cells)
