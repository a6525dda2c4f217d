import json
import os
import stat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from service.security.entries import Entry, KeysFileError, changing, decode, read
from tests.service.security.keyfiles import KEY, OTHER_KEY, entry, write

PATH = Path("keys.json")


def test_a_file_says_who_may_do_what_and_holds_no_key(tmp_path: Path) -> None:
    path = write(tmp_path / "keys.json", entry(limit="600/min", burst=50, expires="2030-01-01T00:00:00Z"))
    [found] = decode(read(path), path)
    assert (found.name, found.scopes, found.limit, found.burst) == ("team-a", ("predict",), "600/min", 50)
    assert found.id == found.sha256[:12]
    assert KEY not in path.read_text()


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"name": "Team A"}, "keys.0.name"),
        ({"name": "../team"}, "keys.0.name"),
        ({"sha256": "abc"}, "keys.0.sha256"),
        ({"scopes": []}, "keys.0.scopes"),
        ({"scopes": ["everything"]}, "keys.0.scopes.0"),
        ({"created": "2026-01-01T00:00:00"}, "keys.0.created"),
        ({"limit": "600"}, "keys.0.limit"),
        ({"limit": "0/s"}, "keys.0.limit"),
        ({"burst": 0}, "keys.0.burst"),
        ({"key": KEY}, "keys.0.key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_without_its_value(wrong: dict[str, Any], place: str) -> None:
    with pytest.raises(KeysFileError, match=f"keys.json: {place}: ") as refused:
        decode(json.dumps({"keys": [entry() | wrong]}).encode(), PATH)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b'{"keys": [', b"[]", b'{"keys": [], "more": 1}', b"\xff"])
def test_what_is_no_file_of_keys_is_refused(content: bytes) -> None:
    with pytest.raises(KeysFileError, match=r"NUNCHI_API_KEYS_FILE: keys\.json: "):
        decode(content, PATH)


def test_the_same_key_twice_is_refused() -> None:
    with pytest.raises(KeysFileError, match="same hash"):
        decode(json.dumps({"keys": [entry(), entry()]}).encode(), PATH)


def test_a_file_that_is_not_there_is_told_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError, match="keys create"):
        read(tmp_path / "keys.json")


def test_a_changed_file_is_for_its_owner_only_and_nothing_but_its_lock_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "keys.json"
    with changing(path) as (entries, replace):
        assert entries == ()
        replace([Entry(**entry())])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(path.parent)) == [".keys.json.lock", "keys.json"]
    assert not (path.parent / ".keys.json.lock").read_bytes()
    assert [known.name for known in decode(read(path), path)] == ["team-a"]


def test_a_broken_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{")
    with pytest.raises(KeysFileError), changing(path):
        pass
    assert path.read_text() == "{"


def test_a_change_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "keys.json", entry())
    before = path.read_bytes()
    (tmp_path / ".keys.json.staged").mkdir()  # where the new file would be staged
    with pytest.raises(KeysFileError, match="cannot be written"), changing(path) as (_, replace):
        replace([])
    assert path.read_bytes() == before


def test_processes_that_add_keys_at_once_lose_none(tmp_path: Path) -> None:
    path = write(tmp_path / "keys.json")
    with get_context("spawn").Pool(3) as pool:
        pool.starmap(_add_some, [(path, start) for start in (0, 10, 20)])
    assert len(decode(read(path), path)) == 30


def _add_some(path: Path, start: int) -> None:
    for number in range(start, start + 10):
        with changing(path) as (entries, replace):
            replace([*entries, Entry(**entry(f"{OTHER_KEY}{number}"))])
