"""Whole reports, to be shown."""

from collections.abc import Sequence
from math import inf
from random import Random

from service.experiments.design import Design
from service.experiments.figures import Figures
from service.experiments.folding import fold
from service.experiments.report import assemble
from tests.service.experiments.phases import design, given, row, split_text, table_of, text


def report_on(judged_by: Design, kinds: Sequence[Sequence[float | None]]) -> Figures:
    """Return the report on positive texts that were all labelled."""
    chance = Random(8)
    rows = [row(text(n, each, chance.randrange(len(judged_by.arms))), given(n)) for n, each in enumerate(kinds)]
    return assemble(fold(judged_by, rows, inf), 1_800_000_000.0, 1.0)


def every_kind() -> dict[str, Figures]:
    """Return a report for every recommendation that two arms can lead to, and one on split traffic."""
    chance = Random(8)
    split = [row(split_text(n, chance.randrange(2), 0.9 if n % 5 else 0.2), given(n)) for n in range(300)]
    decided, even = table_of(200, 60, 10, 20), table_of(300, 20, 15, 30)
    found = {
        "winner": report_on(design(), decided),
        "equivalent": report_on(design(margin=0.5), even),
        "insufficient": report_on(design(), []),
        "keep_collecting": report_on(design(), even),
        "stopped": report_on(design(running=False), even),
        "unhealthy": report_on(design(), [(0.9, None)] * 200 + [(None, 0.9)] * 200),
    }
    found["split"] = assemble(fold(design(mode="split"), split, inf), 1_800_000_000.0, 1.0)
    return found
