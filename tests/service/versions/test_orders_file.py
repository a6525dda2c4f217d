import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.layout import VersionRef
from service.errors import AliasConflictError, OrdersUnavailableError, StartError
from service.versions.orders import Orders, Step, from_json
from service.versions.orders_file import OrdersFile

pytestmark = pytest.mark.anyio

GRU_1, GRU_2 = VersionRef("gru", 1), VersionRef("gru", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "versions.json"


class Disk:
    """A file, changed by somebody else."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def gone(self) -> bool:
        return not self.path.exists()

    def read(self) -> bytes:
        return self.path.read_bytes()

    def write(self, content: bytes) -> None:
        self.path.write_bytes(content)

    def replace_by_directory(self) -> bytes:
        content = self.path.read_bytes()
        self.path.unlink()
        self.path.mkdir()
        return content

    def replace_directory(self, content: bytes) -> None:
        self.path.rmdir()
        self.path.write_bytes(content)


def to_version(version: int) -> Step:
    return Step(version, "2026-11-26T12:00:00+00:00")


async def test_without_a_file_nothing_was_ordered_and_none_is_made(path: Path) -> None:
    orders = OrdersFile(path)
    await orders.refresh()
    assert orders.orders == Orders()
    assert orders.broken is None
    assert Disk(path.parent).gone


async def test_a_change_is_there_after_a_restart_and_reaches_other_processes(path: Path) -> None:
    first, second = OrdersFile(path), OrdersFile(path)
    await first.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    assert OrdersFile(path).orders.aliases == {("gru", "stable"): GRU_1}
    assert second.orders == Orders()
    await second.refresh()
    assert second.orders == first.orders


async def test_a_change_begins_with_what_other_processes_changed(path: Path) -> None:
    first, second = OrdersFile(path), OrdersFile(path)
    await first.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    await second.change(lambda orders: orders.pointed("gru", "canary", to_version(2)))
    assert second.orders.aliases == {("gru", "stable"): GRU_1, ("gru", "canary"): GRU_2}


async def test_of_changes_that_come_at_once_none_is_lost(path: Path) -> None:
    files = [OrdersFile(path) for _ in range(4)]
    changes = [
        file.change(lambda orders, alias=f"a{place}-{number}": orders.pointed("gru", alias, to_version(1)))  # type: ignore[misc]
        for place, file in enumerate(files)
        for number in range(10)
    ]
    await asyncio.gather(*changes)
    assert len(OrdersFile(path).orders.aliases) == 40


async def test_what_is_refused_while_it_changes_leaves_all_as_it_was(path: Path) -> None:
    file = OrdersFile(path)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))

    def refuse(_: Orders) -> Orders:
        raise AliasConflictError

    with pytest.raises(AliasConflictError):
        await file.change(refuse)
    assert OrdersFile(path).orders == file.orders


async def test_what_is_read_meanwhile_is_whole(path: Path) -> None:
    file = OrdersFile(path)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    before = os.open(path, os.O_RDONLY)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(2)))
    assert from_json(os.read(before, 65_536).decode()).aliases == {("gru", "stable"): GRU_1}
    os.close(before)
    assert from_json(Disk(path).read().decode()).aliases == {("gru", "stable"): GRU_2}


async def test_a_process_that_is_killed_while_it_has_the_file_blocks_nobody(path: Path) -> None:
    os.mkdir(path.parent)
    code = (
        "import os, signal, sys; from pathlib import Path; from service.state_files import locked\n"
        "with locked(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, str(path)], check=False)
    file = OrdersFile(path)
    await asyncio.wait_for(file.change(lambda orders: orders.pointed("gru", "stable", to_version(1))), 30)


async def test_a_broken_file_changes_nothing_and_is_told_once_it_stays_so(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = OrdersFile(path)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    whole = Disk(path).read()
    Disk(path).write(whole[:40])
    await file.refresh()
    reasons = [file.broken]  # it may be half written
    for _ in range(3):
        await file.refresh()
        reasons.append(file.broken)
    assert reasons[0] is None
    assert reasons[1]
    assert file.orders.aliases == {("gru", "stable"): GRU_1}
    assert [record.getMessage() for record in caplog.records] == ["versions_file_broken"]
    Disk(path).write(whole)
    await file.refresh()
    assert file.broken is None


async def test_a_broken_file_is_not_written_over(path: Path) -> None:
    file = OrdersFile(path)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    Disk(path).write(b"{")
    with pytest.raises(OrdersUnavailableError, match="nothing was changed"):
        await file.change(lambda orders: orders.without("gru", "stable"))
    assert Disk(path).read() == b"{"
    assert file.orders.aliases == {("gru", "stable"): GRU_1}


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"form": 9}'])
def test_a_file_that_is_broken_at_the_start_stops_it(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"NUNCHI_VERSIONS_FILE: .* cannot be used: .*; mend or remove it"):
        OrdersFile(path)


async def test_a_file_that_cannot_be_read_for_the_moment_changes_nothing(path: Path) -> None:
    file = OrdersFile(path)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    content = Disk(path).replace_by_directory()
    await file.refresh()
    assert file.broken == "Is a directory"
    assert file.orders.aliases == {("gru", "stable"): GRU_1}
    Disk(path).replace_directory(content)
    await file.refresh()
    assert file.broken is None


async def test_where_nothing_can_be_written_nothing_is_changed(tmp_path: Path) -> None:
    Disk(tmp_path / "state").write(b"no directory")
    with pytest.raises(StartError):
        OrdersFile(tmp_path / "state" / "versions.json")
    file = OrdersFile(tmp_path / "nowhere" / "versions.json")
    Disk(tmp_path / "nowhere").write(b"no directory")
    with pytest.raises(OrdersUnavailableError):
        await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    assert file.orders == Orders()


async def test_what_was_read_before_a_change_never_undoes_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = OrdersFile(path)
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    old = Disk(path).read()
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*_: object) -> bytes:
        reading.set()
        await go_on.wait()
        return old

    with monkeypatch.context() as patch:
        patch.setattr("service.versions.orders_file.asyncio.to_thread", slowly)
        refreshing = asyncio.create_task(file.refresh())
        await reading.wait()
    await file.change(lambda orders: orders.pointed("gru", "stable", to_version(2)))
    go_on.set()
    await refreshing
    assert file.orders.aliases == {("gru", "stable"): GRU_2}


async def test_the_file_is_for_its_owner_only(path: Path) -> None:
    await OrdersFile(path).change(lambda orders: orders.pointed("gru", "stable", to_version(1)))
    assert [os.stat(item).st_mode & 0o077 for item in (path, path.parent)] == [0, 0]
