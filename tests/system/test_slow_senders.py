"""The proof that slow and greedy clients disturb nobody, at small counts; times are not judged here."""

from pathlib import Path

import pytest

from tests.prove.slow_senders import CONTROL, LIFTED, SMALL, complaints, prove

pytestmark = pytest.mark.system


def test_slow_and_greedy_clients_are_cut_off_and_leave_nothing_behind(tmp_path: Path) -> None:
    assert complaints(SMALL, prove(SMALL, tmp_path)) == []


def test_without_limits_the_proof_finds_connections_bodies_and_memory(tmp_path: Path) -> None:
    found = " ".join(complaints(CONTROL, prove(CONTROL, tmp_path, **LIFTED)))
    for part in ("slow headers: still open", "MiB were taken", "memory grew"):
        assert part in found
