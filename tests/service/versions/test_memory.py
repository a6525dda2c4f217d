import platform
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.layout import VersionRef
from service.errors import NoRoomError
from service.settings import Settings
from service.versions import memory
from service.versions.memory import Room, allowed_bytes, free_bytes, needed_bytes
from tests.versions import publish_version

GRU = VersionRef("gru", 1)
MEMINFO = "MemTotal:  4000 kB\nMemFree:  100 kB\nMemAvailable:    2000 kB\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text(MEMINFO, encoding="ascii")
    return path


def cgroup(directory: Path, limit: str, used: int, **files: str) -> Path:
    """Write the files of a container of the newer layout."""
    directory.mkdir()
    (directory / "memory.max").write_text(f"{limit}\n", encoding="ascii")
    (directory / "memory.current").write_text(f"{used}\n", encoding="ascii")
    (directory / "memory.stat").write_text("anon 5\ninactive_file 300\nactive_file 7\n", encoding="ascii")
    return directory


def test_outside_of_a_container_the_machine_says_what_is_free(tmp_path: Path, machine: Path) -> None:
    assert free_bytes(tmp_path / "none", machine) == 2000 * 1024


def test_in_a_container_the_tighter_of_both_counts(tmp_path: Path, machine: Path) -> None:
    assert free_bytes(cgroup(tmp_path / "tight", "1000", 900), machine) == 1000 - 900 + 300
    assert free_bytes(cgroup(tmp_path / "wide", "9000000000", 900), machine) == 2000 * 1024


def test_a_container_without_a_limit_is_no_limit(tmp_path: Path, machine: Path) -> None:
    assert free_bytes(cgroup(tmp_path / "free", "max", 900), machine) == 2000 * 1024


def test_a_container_that_took_more_than_its_limit_has_nothing_left(tmp_path: Path, machine: Path) -> None:
    assert free_bytes(cgroup(tmp_path / "over", "100", 900), machine) == 0


def test_the_older_layout_of_containers_is_read_too(tmp_path: Path, machine: Path) -> None:
    directory = tmp_path / "old" / "memory"
    directory.mkdir(parents=True)
    (directory / "memory.limit_in_bytes").write_text("1000", encoding="ascii")
    (directory / "memory.usage_in_bytes").write_text("600", encoding="ascii")
    (directory / "memory.stat").write_text("inactive_file 50\ntotal_inactive_file 60\n", encoding="ascii")
    assert free_bytes(tmp_path / "old", machine) == 450


def test_where_nobody_says_it_nothing_is_known(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "none", tmp_path / "none") is None


def test_what_is_needed_grows_with_the_files_and_is_more_with_tensorflow(store: Path, tmp_path: Path) -> None:
    path = store / "gru" / "1"
    assert needed_bytes(path, tensorflow=False) < needed_bytes(path, tensorflow=True)
    publish_version(tmp_path)
    (tmp_path / "gru" / "1" / "assets.extra" / "model.onnx").write_bytes(bytes(10**7))
    assert needed_bytes(tmp_path / "gru" / "1", tensorflow=False) > needed_bytes(path, tensorflow=False) + 10**7
    assert needed_bytes(tmp_path / "nothing", tensorflow=False) == needed_bytes(tmp_path / "nothing", tensorflow=True)


def test_what_does_not_fit_is_refused_with_both_figures(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(Settings(model_store=store))
    monkeypatch.setattr(memory, "free_bytes", lambda: 3 * 2**20)
    assert not room.suffices(GRU)
    with pytest.raises(NoRoomError, match=r"^it needs about \d+ MiB of memory, and 3 MiB are free$"):
        room.require(GRU)
    for free in (None, 2**40):
        monkeypatch.setattr(memory, "free_bytes", lambda free=free: free)
        assert room.suffices(GRU)
        room.require(GRU)


def test_all_workers_load_a_version_at_the_same_time(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = needed_bytes(store / "gru" / "1", tensorflow=False)
    monkeypatch.setattr(memory, "free_bytes", lambda: one * 3)
    assert Room(Settings(model_store=store, workers=3)).suffices(GRU)
    assert not Room(Settings(model_store=store, workers=4)).suffices(GRU)


def test_a_proof_may_take_more_than_is_needed_but_not_more_than_is_free(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store / "gru" / "1"
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    assert allowed_bytes(path, tensorflow=False) > needed_bytes(path, tensorflow=False)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1234)
    assert allowed_bytes(path, tensorflow=False) == 1234


_APART = """
import ctypes
from service.versions.memory import large_apart
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "heaps b c d apart f g h i j".split()]
library.mallinfo2.restype = Info
def apart(size):
    before = library.mallinfo2().apart
    taken = ctypes.c_void_p(library.malloc(size))
    found = library.mallinfo2().apart > before
    library.free(taken)
    return found
with large_apart():
    print(apart(2 << 20), apart(500_000))
print(apart(2 << 20), apart(8 << 20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_what_is_large_lies_apart_while_a_version_is_loaded_and_at_no_other_time() -> None:
    """Apart, it goes back the moment it is free; what batches take is used again and again."""
    said = subprocess.run([sys.executable, "-c", _APART], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["True", "False", "False", "False"]
