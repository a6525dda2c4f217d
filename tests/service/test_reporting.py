import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from model_store.layout import VersionRef
from service.errors import NotReadyError, StoreUnavailableError
from service.experiments.declaration import Arm, Experiment
from service.experiments.live import design_of
from service.experiments.report import build_report
from service.reporting import ReportMaker
from service.store.database import open_database
from service.store.phases import open_phase
from tests.service.experiments.phases import NAMES, table_of, text
from tests.service.store.observations import write

pytestmark = pytest.mark.anyio

EXPERIMENT = Experiment("nsmc", tuple(Arm(name, name, None, 1.0) for name in NAMES[:2]))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a store with one phase."""
    url = f"sqlite:///{tmp_path}/nunchi.db"
    database = open_database(url)
    open_phase(database, "nsmc", "one", design_of(EXPERIMENT, [VersionRef(name, 1) for name in NAMES[:2]]), 1.0)
    write(database, [text(n, p, phase=1) for n, p in enumerate(table_of(80, 14, 6, 20))])
    database.close()
    return url


def python(code: str) -> tuple[str, ...]:
    """Return a command that runs some code after it has read what is asked."""
    return sys.executable, "-c", f"import os, sys, time; sys.stdin.read()\n{code}"


@asynccontextmanager
async def making(command: tuple[str, ...], seen: Path) -> AsyncIterator[tuple[ReportMaker, "asyncio.Task[object]"]]:
    """Give a maker in the middle of a report, whose process has written its id."""
    maker = ReportMaker("sqlite://", command)
    task: asyncio.Task[object] = asyncio.create_task(maker.make("nsmc", None, running=True))
    await until(lambda: seen.exists() and seen.read_text() != "")
    yield maker, task
    await maker.end()


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never held"
        await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def arguments_of(pid: int) -> str:
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout


async def test_it_is_the_report_that_is_made_here(url: str) -> None:
    maker, database = ReportMaker(url), open_database(url)
    for phase, running in ((None, True), (1, False), (7, True)):
        assert await maker.make("nsmc", phase, running) == build_report(database, "nsmc", phase, running=running)
    database.close()


async def test_a_store_that_cannot_be_read_is_told_as_such(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "nunchi.db").write_text("no database, by no means at all, and long enough to tell" * 100)
    with pytest.raises(StoreUnavailableError):
        await ReportMaker(f"sqlite:///{tmp_path}/nunchi.db").make("nsmc", None, running=True)
    assert [record.getMessage() for record in caplog.records] == ["store_unavailable"]


async def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="ended with 1: ZeroDivisionError"):
        await ReportMaker("sqlite://", python("1 / 0")).make("nsmc", None, running=True)


async def test_the_url_with_its_password_is_in_nobodys_list_of_processes(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'seen')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    async with making(python(code), tmp_path / "seen") as (_, task):
        assert "sqlite" not in arguments_of(int((tmp_path / "seen").read_text()))
    with pytest.raises(NotReadyError):
        await task


async def test_one_report_is_made_at_a_time(tmp_path: Path) -> None:
    code = f"os.mkdir({str(tmp_path / 'one')!r}); time.sleep(0.1); os.rmdir({str(tmp_path / 'one')!r})"
    maker = ReportMaker("sqlite://", python(f"{code}; print('{{\"report\": {{}}}}')"))
    assert await asyncio.gather(*(maker.make("nsmc", phase, running=True) for phase in range(3))) == [{}] * 3


async def test_the_end_of_the_service_ends_a_report_that_is_being_made(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'seen')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    async with making(python(code), tmp_path / "seen") as (maker, task):
        waiting = asyncio.create_task(maker.make("nsmc", 1, running=True))
        await asyncio.sleep(0)
        await maker.end()
        for each in (task, waiting):
            with pytest.raises(NotReadyError):
                await each
    assert not is_running(int((tmp_path / "seen").read_text()))


async def test_without_a_report_the_end_is_nothing() -> None:
    maker = ReportMaker("sqlite://")
    await maker.end()
    with pytest.raises(NotReadyError):
        await maker.make("nsmc", None, running=True)


async def test_a_report_is_made_behind_what_answers(url: str, tmp_path: Path) -> None:
    code = "from service import report_process as r; r.answer = lambda _: {'report': {'nice': os.nice(0)}}; r.main()"
    command = sys.executable, "-c", f"import os; {code}"
    report = await ReportMaker(url, command).make("nsmc", None, running=True)
    assert report == {"nice": min(19, os.nice(0) + 10)}


async def test_the_process_that_asks_never_loads_scipy(url: str) -> None:
    code = f"""
import asyncio, sys
from service.reporting import ReportMaker
import service.app
report = asyncio.run(ReportMaker({url!r}).make("nsmc", None, True))
assert report["health"]["texts"] == 120, report
print([name for name in ("scipy", "service.experiments.report") if name in sys.modules])
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert (process.returncode, said.decode().strip()) == (0, "[]")
