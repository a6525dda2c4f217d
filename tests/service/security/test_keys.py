import re
from pathlib import Path

import pytest

from service.errors import LimitExceededError
from service.metrics import Metrics
from service.security.counters import AccessCounters
from service.security.entries import KeysFileError
from service.security.keys import Keys, new_key
from service.security.limiting import Buckets
from tests.service.security.keyfiles import KEY, OTHER_KEY, UNKNOWN_KEY, entry, write

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "keys.json", entry())


def keys_of(path: Path) -> Keys:
    return Keys(path, Buckets(), AccessCounters(Metrics()).refused["limit"])


def change(path: Path, content: str | None) -> None:
    path.unlink() if content is None else path.write_text(content)


def test_a_new_key_is_random_and_needs_no_escape() -> None:
    made = {new_key() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"nunchi_[A-Za-z0-9_-]{43}", key) for key in made)


def test_a_key_is_found_by_what_is_presented(path: Path) -> None:
    keys = keys_of(path)
    found = keys.find(KEY.encode())
    assert found is not None
    assert found.scopes == {"predict"}
    for other in (UNKNOWN_KEY, KEY[:-1], KEY + "x", "", "0" * 64):
        assert keys.find(other.encode()) is None


def test_a_hash_of_which_only_the_beginning_fits_is_not_enough(tmp_path: Path) -> None:
    crooked = entry()
    crooked["sha256"] = crooked["sha256"][:-1] + ("0" if crooked["sha256"][-1] != "0" else "1")
    assert keys_of(write(tmp_path / "keys.json", crooked)).find(KEY.encode()) is None


def test_the_hash_of_a_key_is_no_key(path: Path) -> None:
    assert keys_of(path).find(entry()["sha256"].encode()) is None


def test_a_key_expires(tmp_path: Path) -> None:
    path = write(
        tmp_path / "keys.json",
        entry(expires="2026-01-02T00:00:00Z"),
        entry(OTHER_KEY, expires="2999-01-02T00:00:00Z"),
    )
    keys = keys_of(path)
    over, good = keys.find(KEY.encode()), keys.find(OTHER_KEY.encode())
    assert over is not None
    assert good is not None
    assert (over.expired(), good.expired()) == (True, False)


async def test_a_changed_file_is_in_force_at_the_next_look(path: Path) -> None:
    keys = keys_of(path)
    write(path, entry(OTHER_KEY))
    await keys.look()
    assert keys.find(KEY.encode()) is None
    assert keys.find(OTHER_KEY.encode()) is not None


async def test_two_keys_of_one_name_are_good_until_one_is_revoked(path: Path) -> None:
    keys = keys_of(path)
    write(path, entry(), entry(OTHER_KEY))
    await keys.look()
    assert keys.find(KEY.encode()) and keys.find(OTHER_KEY.encode())  # noqa: PT018 - both at the same time


@pytest.mark.parametrize("content", ['{"keys": [', "", '{"keys": [{}]}', None], ids=["half", "empty", "wrong", "gone"])
async def test_a_broken_file_keeps_the_last_good_one_and_says_so_once(
    path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    keys = keys_of(path)
    change(path, content)
    await keys.look()
    await keys.look()
    assert keys.find(KEY.encode()) is not None
    assert keys.broken is not None
    assert [record.getMessage() for record in caplog.records] == ["keys_file_broken"]
    write(path, entry())
    await keys.look()
    assert keys.broken is None


def test_a_broken_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(KeysFileError):
        keys_of(tmp_path / "keys.json")


async def test_what_a_key_took_is_not_given_back_when_the_file_changes(path: Path) -> None:
    write(path, entry(limit="1/min", burst=3))
    keys = keys_of(path)
    taken = keys.find(KEY.encode())
    assert taken is not None
    taken.caller.take(3)
    write(path, entry(limit="1/min", burst=3), entry(OTHER_KEY))
    await keys.look()
    again = keys.find(KEY.encode())
    assert again is not None
    with pytest.raises(LimitExceededError):
        again.caller.take(1)
