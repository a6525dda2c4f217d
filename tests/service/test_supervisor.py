"""The supervisor with stand-ins for workers: processes that live, die and say what a test wants."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from threading import Thread

import pytest

from service import supervisor as module
from service.errors import StartError
from service.ledger import SharedLedger
from service.listening import Loads, open_port
from service.place import LOADS, RECYCLES, WORKER_RESTARTS, Place
from service.recycling import Recycling
from service.slots import Worker
from service.supervisor import Supervisor

STAND_IN = """
import os, signal, sys, time
place = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
log = open(os.path.join(place["directory"], "..", "log"), "a")
def say(*words):
    print(*words, file=log, flush=True)
def notice(text):
    os.write(int(place["notices"]), text)
def stop(number, frame):
    say("stopped", place["slot"], signal.Signals(number).name)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
say("started", place["slot"], place["hold"], os.getpid())
def heir():
    return place["hold"] == "2"
def wait_for(name):
    while not os.path.exists(os.path.join(place["directory"], "..", name)):
        time.sleep(0.01)
"""
LIVE = "notice(b'accepting\\n')\ntime.sleep(60)\n"
GROWING = """
if heir():
    wait_for('loaded')
notice(b'accepting\\n')
if not heir():
    wait_for('grown')
    notice(b'grown\\n')
time.sleep(60)
"""
"""Stands in for a worker that grows, and whose heir has to load much."""


def command(behaviour: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", STAND_IN + behaviour]


class Scene:
    """A supervisor at work in a thread, and what its stand-ins wrote down."""

    def __init__(self, path: Path, behaviour: str, workers: int = 2) -> None:
        self.directory = path / "pages"
        self.directory.mkdir()
        self.log = path / "log"
        self.log.touch()
        self.supervisor = Supervisor(open_port("127.0.0.1", 0), self.directory, workers, command(behaviour))
        self.outcome: int | BaseException | None = None
        self.thread = Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self.supervisor.run()
        except BaseException as error:
            self.outcome = error

    def lines(self, word: str) -> list[list[str]]:
        return [line.split() for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith(word)]

    def pids(self) -> list[int]:
        return [int(pid) for *_, pid in self.lines("started")]

    def touch(self, name: str) -> None:
        (self.log.parent / name).touch()

    def counted(self) -> dict[str, float]:
        """What the supervisor counted: restarts, and how many that had grown were replaced or not."""
        entries = SharedLedger(self.directory, 1000 + time.monotonic_ns()).read()[0].entries
        return {
            "".join(entry.series.labels) or "restarts": entry.cells[1]
            for entry in entries
            if entry.series.name in (WORKER_RESTARTS, RECYCLES)
        }

    def wait(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log.read_text(encoding="utf-8")
            time.sleep(0.005)


@contextmanager
def scene(path: Path, behaviour: str, workers: int = 2) -> Iterator[Scene]:
    played = Scene(path, behaviour, workers)
    try:
        yield played
    finally:
        while played.thread.is_alive():
            played.supervisor.stop()
            played.thread.join(2)


def test_workers_are_told_to_stop_and_then_it_ends(tmp_path: Path) -> None:
    with scene(tmp_path, LIVE) as played:
        played.wait(lambda: len(played.pids()) == 2)
        time.sleep(0.1)
        played.supervisor.stop()
        played.thread.join(5)
    assert played.outcome == 0
    assert sorted(played.lines("stopped")) == [["stopped", "0", "SIGTERM"], ["stopped", "1", "SIGTERM"]]


def test_only_the_first_worker_takes_connections_before_it_is_ready(tmp_path: Path) -> None:
    with scene(tmp_path, LIVE, 3) as played:
        played.wait(lambda: len(played.pids()) == 3)
    assert sorted(line[1:3] for line in played.lines("started")) == [["0", "0"], ["1", "1"], ["2", "1"]]


def test_a_worker_that_is_killed_is_replaced_within_a_second_and_waits_until_it_is_ready(tmp_path: Path) -> None:
    with scene(tmp_path, LIVE) as played:
        played.wait(lambda: len(played.pids()) == 2)
        time.sleep(0.2)
        loads = Loads(played.directory / LOADS)
        loads.set(0, 3)
        started = time.monotonic()
        [first] = [int(line[3]) for line in played.lines("started") if line[1] == "0"]
        os.kill(first, signal.SIGKILL)
        played.wait(lambda: len(played.pids()) == 3)
        assert time.monotonic() - started < 1
        assert played.lines("started")[-1][1:3] == ["0", "1"]
        assert loads.least_of_others(1) == inf


@pytest.mark.system
def test_a_hundred_deaths_leave_no_files(tmp_path: Path) -> None:
    with scene(tmp_path, "notice(b'accepting\\n')\ntime.sleep(0.02)\nos.kill(os.getpid(), 9)") as played:
        played.wait(lambda: len(played.pids()) > 100, 60)
        assert len(list(played.directory.iterdir())) == 3


def test_one_that_dies_at_once_again_and_again_is_replaced_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_DELAY_S", 0.1)
    monkeypatch.setattr(module, "_LAST_DELAY_S", 0.4)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    with scene(tmp_path, "if place['slot'] == '1': time.sleep(0.15); os._exit(7)\n" + LIVE) as played:
        time.sleep(2)
        starts = len([line for line in played.lines("started") if line[1] == "1"])
    assert 3 <= starts <= 6  # without a delay it would be a dozen
    assert played.outcome == 0


def test_a_start_that_fails_ends_with_what_the_worker_said(tmp_path: Path) -> None:
    with scene(tmp_path, "notice('NUNCHI_PORT: 안 돼'.encode())\nos._exit(2)") as played:
        played.thread.join(10)
    assert isinstance(played.outcome, StartError)
    assert str(played.outcome) == "NUNCHI_PORT: 안 돼"


@pytest.mark.parametrize(("end", "status"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", 9)])
def test_a_start_that_fails_without_a_word_ends_with_the_status_of_the_worker(
    tmp_path: Path, end: str, status: int
) -> None:
    with scene(tmp_path, end) as played:
        played.thread.join(10)
    assert played.outcome == status


def test_the_second_signal_hurries_and_the_third_ends(tmp_path: Path) -> None:
    stubborn = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.signal(signal.SIGINT, lambda *_: say('hurried'))\n"
    )
    with scene(tmp_path, stubborn + "notice(b'accepting\\n')\nwhile True: time.sleep(60)") as played:
        played.wait(lambda: len(played.pids()) == 2)
        time.sleep(0.2)
        played.supervisor.stop()
        played.supervisor.stop()
        played.wait(lambda: len(played.lines("hurried")) == 2)
        assert played.thread.is_alive()
        played.supervisor.stop()
        played.thread.join(5)
        assert played.outcome == 0


def test_workers_that_never_end_are_ended_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.3)
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    with scene(tmp_path, stubborn + LIVE) as played:
        played.wait(lambda: len(played.pids()) == 2)
        time.sleep(0.2)
        played.supervisor.stop()
        played.thread.join(5)
        assert played.outcome == 0


def test_the_signals_of_this_process_reach_the_workers(tmp_path: Path) -> None:
    with scene(tmp_path, LIVE) as played, played.supervisor.heeding_signals():
        played.wait(lambda: len(played.pids()) == 2)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        played.thread.join(5)
        assert played.outcome == 0
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_place_survives_the_command_line() -> None:
    place = Place("3,4", 5, 6, "/tmp/a directory", 1, 7, 1)
    assert Place.of(place.arguments()) == place
    assert place.descriptors == [3, 4, 5, 6]


def test_the_port_is_closed_here_at_once_so_that_the_last_worker_closes_it_for_all(tmp_path: Path) -> None:
    with scene(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LIVE) as played:
        played.wait(lambda: len(played.pids()) == 2)
        [listening] = played.supervisor._sockets
        played.supervisor.stop()
        played.wait(lambda: listening.fileno() == -1, 0.4)  # sooner than it looks by itself


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_one_that_has_grown_is_told_to_stop_only_when_its_heir_takes_connections(tmp_path: Path) -> None:
    with scene(tmp_path, GROWING, 1) as played:
        played.wait(lambda: len(played.pids()) == 1)
        time.sleep(0.2)
        assert len(played.pids()) == 1  # so far nobody has grown
        played.touch("grown")
        played.wait(lambda: len(played.pids()) == 2)
        assert [line[1:3] for line in played.lines("started")] == [["0", "0"], ["1", "2"]]
        time.sleep(0.7)
        old, heir = played.pids()
        assert alive(old)
        assert not played.lines("stopped")
        played.touch("loaded")
        played.wait(lambda: not alive(old))
        assert played.lines("stopped") == [["stopped", "0", "SIGTERM"]]
        played.wait(lambda: played.counted() == {"restarts": 0, "replaced": 1, "postponed": 0})
        time.sleep(0.7)
        assert played.pids() == [old, heir]
        assert alive(heir)


def test_of_several_that_have_grown_one_is_replaced_after_the_other(tmp_path: Path) -> None:
    with scene(tmp_path, GROWING, 3) as played:
        played.wait(lambda: len(played.lines("started")) == 3)
        played.touch("grown")
        played.wait(lambda: len(played.pids()) == 4)
        time.sleep(0.7)
        assert len(played.pids()) == 4
        played.touch("loaded")
        played.wait(lambda: played.counted()["replaced"] == 3)
        assert len(played.pids()) == 6
        assert sorted(line[1] for line in played.lines("stopped")) == ["0", "1", "2"]
        assert sorted(line[1] for line in played.lines("started")[3:]) == ["3", "4", "5"]


def test_an_heir_is_replaced_in_its_turn(tmp_path: Path) -> None:
    with scene(tmp_path, "notice(b'accepting\\n')\ntime.sleep(0.3)\nnotice(b'grown\\n')\ntime.sleep(60)", 1) as played:
        played.wait(lambda: played.counted()["replaced"] >= 3)
        assert [line[1] for line in played.lines("started")[:4]] == ["0", "1", "0", "1"]


def test_where_an_heir_cannot_start_the_one_that_has_grown_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_DELAY_S", 0.1)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    with scene(tmp_path, "if heir(): os._exit(7)\n" + GROWING, 1) as played:
        played.touch("grown")
        time.sleep(2)
        starts = len(played.pids())
        assert 3 <= starts <= 7  # ever more slowly
        assert alive(played.pids()[0])
        assert not played.lines("stopped")
        assert played.counted()["restarts"] >= 2
        assert played.counted()["replaced"] == 0


def test_if_the_one_that_has_grown_dies_its_heir_takes_over_all_the_same(tmp_path: Path) -> None:
    with scene(tmp_path, GROWING, 1) as played:
        played.touch("grown")
        played.wait(lambda: len(played.pids()) == 2)
        old, heir = played.pids()
        os.kill(old, signal.SIGKILL)
        played.wait(lambda: played.counted()["restarts"] == 1)
        played.touch("loaded")
        time.sleep(1)
        assert played.pids() == [old, heir]
        assert alive(heir)
        assert played.counted()["replaced"] == 0


def test_without_room_for_an_heir_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Worker] = []

    def never(_: Recycling, worker: Worker) -> bool:
        asked.append(worker)
        return False

    monkeypatch.setattr(Recycling, "may_begin", never)
    with scene(tmp_path, GROWING, 1) as played:
        played.touch("grown")
        played.wait(lambda: len(asked) >= 2)
        assert len(played.pids()) == 1
        assert not played.lines("stopped")


def test_one_that_was_replaced_and_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.3)
    with scene(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + GROWING, 1) as played:
        played.touch("grown")
        played.touch("loaded")
        played.wait(lambda: len(played.pids()) == 2)
        old, heir = played.pids()
        played.wait(lambda: not alive(old))
        assert alive(heir)


def test_both_are_told_to_stop_while_one_takes_over_from_the_other(tmp_path: Path) -> None:
    with scene(tmp_path, GROWING, 1) as played:
        played.touch("grown")
        played.wait(lambda: len(played.pids()) == 2)
        time.sleep(0.1)
        played.supervisor.stop()
        played.thread.join(5)
        assert played.outcome == 0
    assert sorted(line[1] for line in played.lines("stopped")) == ["0", "1"]
