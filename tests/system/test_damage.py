"""Damaged versions are refused, few; `python -m tests.prove damage --full` shows it for all of them."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.prove import damage
from tests.prove.damage import SMALL, everything


@pytest.mark.system
@pytest.mark.tensorflow  # imported by the process that proves versions
def test_damaged_versions_are_refused_with_a_reason_while_the_old_ones_answer(tmp_path: Path) -> None:
    found = asyncio.run(damage.prove(everything()[: SMALL.versions], SMALL.requests, tmp_path))
    assert found.alive
    assert found.accepted == []
    assert len(found.outcomes) == SMALL.versions
    assert found.answers.others == Counter()
    assert found.answers.old > 20
    assert found.whole_served


@pytest.mark.system
def test_a_service_that_does_not_compare_hashes_is_found_out(tmp_path: Path) -> None:
    kinds = ("bit flipped", "extra file", "longer", "zeros within")
    chosen = [each for each in everything() if each.kind in kinds and "report/" in each.what][:8]
    found = asyncio.run(damage.control(chosen, tmp_path))
    assert found.alive
    assert found.accepted == [f"{each.kind}: {each.what}" for each in chosen]


def test_there_are_more_than_the_bar_asks_for_and_no_two_are_the_same() -> None:
    every = [(each.kind, each.what) for each in everything()]
    assert len(every) >= 500
    assert len({kind for kind, _ in every}) >= 25
    twice = {each for each, count in Counter(every).items() if count > 1}
    assert {kind for kind, _ in twice} <= {"copy not finished"}  # in two orders
