"""Hostile requests at small counts, and that the proof finds what is put in; docs/proof.md has the full counts."""

from pathlib import Path

import pytest

from tests.prove.fuzz import SMALL, prove

pytestmark = pytest.mark.system


def test_hostile_requests_find_no_failure_no_hang_and_no_echo(tmp_path: Path) -> None:
    assert prove(SMALL, tmp_path).faults == {}


def test_an_echo_a_500_and_an_undocumented_status_are_found(tmp_path: Path) -> None:
    found = " ".join(prove(SMALL, tmp_path, module="tests.prove.faulty").faults)
    for part in ("an echo", "answered 500", "UndefinedStatusCode"):
        assert part in found
