import os
from pathlib import Path

import pytest

from service.processors import usable_processors

ALLOWED = len(os.sched_getaffinity(0))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_a_quota_affinity_decides(tmp_path: Path) -> None:
    assert usable_processors(tmp_path) == ALLOWED


@pytest.mark.parametrize(("text", "expected"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", ALLOWED)])
def test_the_quota_of_the_container_decides(tmp_path: Path, text: str, expected: int) -> None:
    write(tmp_path / "cpu.max", text)
    assert usable_processors(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("100000", 1), ("-1", ALLOWED)])
def test_the_older_layout_is_understood(tmp_path: Path, quota: str, expected: int) -> None:
    write(tmp_path / "cpu" / "cpu.cfs_quota_us", quota)
    write(tmp_path / "cpu" / "cpu.cfs_period_us", "100000")
    assert usable_processors(tmp_path) == expected


def test_nonsense_is_no_quota(tmp_path: Path) -> None:
    write(tmp_path / "cpu.max", "plenty")
    assert usable_processors(tmp_path) == ALLOWED


def test_a_generous_quota_is_no_more_than_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "cpu.max", "99000000 100000")
    assert usable_processors(tmp_path) == ALLOWED
