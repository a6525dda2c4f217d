import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from model_store.layout import VersionRef, verify
from service.identifiers import uuid7
from service.recorder import handle
from service.recorder.frames import Declared, DeclaredArm, Settled, framed
from service.recorder.handle import Recorder
from service.settings import Settings
from service.store.database import open_database
from service.store.tables import OBSERVATION
from service.telemetry.trail import Trace

pytestmark = pytest.mark.anyio


class Desk:
    """A recorder with a real process and a store of its own, and what was heard of it."""

    def __init__(self, store: Path, directory: Path) -> None:
        self.url = f"sqlite:///{directory / 'nunchi.db'}"
        open_database(self.url).close()
        self.settings = Settings(model_store=store, store=self.url, secret_file=directory / "secret")
        self.heard: list[Settled] = []
        self.lost = 0
        self.recorder = Recorder(self.settings, self._hear, self._lose)
        self.declared = Declared(0, "trial", 1, "shadow", 0.0, [self._arm("gru"), self._arm("lstm")])

    def _arm(self, name: str) -> DeclaredArm:
        stored = verify(self.settings.model_store, VersionRef(name, 1), None)
        return DeclaredArm(name, name, 1, stored.digest, tuple(stored.manifest.labels))

    def _hear(self, settled: Settled, _: Collection[Trace]) -> None:
        self.heard.append(settled)

    def _lose(self, texts: int) -> None:
        self.lost += texts

    def take(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.recorder.take(0, note(number))

    def rows(self) -> int:
        with closing(open_database(self.url)) as database, database.read() as connection:
            return connection.execute(select(func.count()).select_from(OBSERVATION)).scalar_one()


def note(number: int) -> tuple[object, ...]:
    name = f"{uuid7(number * 1_000_000, number)}-{number:016x}"
    return (name, f"텍스트 {number}", [2, 3, 4], "gru", "fixed", None, 1, [0.25, 0.75], 900, time.time(), True, None)


@asynccontextmanager
async def desk_in(store: Path, directory: Path) -> AsyncIterator[Desk]:
    desk = Desk(store, directory)
    try:
        await asyncio.wait_for(desk.recorder.declare(desk.declared), 60)
        yield desk
    finally:
        await asyncio.wait_for(desk.recorder.end(), 60)


def pid_of(parent: int) -> int:
    done = subprocess.run(
        ["pgrep", "-P", str(parent), "-f", "service.recorder.process"], capture_output=True, check=True
    )
    return int(done.stdout.split()[-1])


async def test_what_was_taken_is_written_once_it_is_flushed(store: Path, tmp_path: Path) -> None:
    async with desk_in(store, tmp_path) as desk:
        desk.take(0, 300)
        await asyncio.wait_for(desk.recorder.flushed(), 60)
        assert desk.rows() == 300
        assert (desk.recorder.waiting, desk.lost) == (0, 0)
        assert sum(settled.texts for settled in desk.heard) == 300
        counted = [each for settled in desk.heard for each in settled.counted]
        assert sum(each.texts for each in counted) == 300
        assert {tuple(name for name, label, _ in each.answers if label) for each in counted} == {("gru", "lstm")}
        assert (desk.recorder.tallies.written, desk.recorder.tallies.failed) == (300, 0)


async def test_the_end_waits_for_what_was_taken_and_leaves_no_process(store: Path, tmp_path: Path) -> None:
    async with desk_in(store, tmp_path) as desk:
        process = pid_of(os.getpid())
        desk.take(0, 2_000)
    assert desk.rows() == 2_000
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_a_process_that_dies_is_started_anew_and_what_it_had_is_counted_as_lost(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "_FIRST_PAUSE_S", 0.01)
    async with desk_in(store, tmp_path) as desk:
        process = pid_of(os.getpid())
        os.kill(process, signal.SIGSTOP)
        desk.take(0, 100)
        await asyncio.sleep(0.3)  # they are on their way
        os.kill(process, signal.SIGKILL)
        await asyncio.wait_for(desk.recorder.flushed(), 60)
        assert desk.lost == 100
        desk.take(100, 50)
        await asyncio.wait_for(desk.recorder.flushed(), 60)
        assert (desk.rows(), desk.lost) == (50, 100)
        assert pid_of(os.getpid()) != process


async def test_what_may_not_wait_is_counted_as_lost_at_once(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "MOST_WAITING", 10)
    async with desk_in(store, tmp_path) as desk:
        desk.take(0, 15)
        assert (desk.recorder.waiting, desk.lost) == (10, 5)


async def test_nothing_is_started_before_it_is_needed(store: Path, tmp_path: Path) -> None:
    desk = Desk(store, tmp_path)
    await desk.recorder.flushed()
    await desk.recorder.end()
    assert desk.heard == []


async def test_the_process_records_what_came_through_although_the_service_is_killed(
    store: Path, tmp_path: Path
) -> None:
    desk = Desk(store, tmp_path)
    command = [sys.executable, "-m", "service.recorder.process"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    frames = [desk.settings.model_dump_json(), desk.declared.plain(), ("texts", 0, [note(n) for n in range(20)])]
    process.stdin.write(b"".join(map(framed, frames)) + framed(("texts", 0, [note(99)]))[:-3])
    await process.stdin.drain()
    process.stdin.close()  # as the kernel does for a process that is killed
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert desk.rows() == 20


async def test_signals_that_are_meant_for_the_service_do_not_end_the_process(store: Path, tmp_path: Path) -> None:
    async with desk_in(store, tmp_path) as desk:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid_of(os.getpid()), number)
        desk.take(0, 10)
        await asyncio.wait_for(desk.recorder.flushed(), 60)
        assert (desk.rows(), desk.lost) == (10, 0)
