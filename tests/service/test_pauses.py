import gc
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from weakref import ref

import pytest

from service.pauses import QuietCollector, giving_way, keep_for_good

_A_LOT = 1000
"""Requests in a tenth of a second."""


class Something:
    itself: "Something"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def collector() -> Iterator[tuple[QuietCollector, Clock]]:
    """A collector that has taken over, and its clock; the garbage of others is gone."""
    before, clock = gc.get_threshold(), Clock()
    collector = QuietCollector(clock)
    gc.collect()
    collector.take_over()
    yield collector, clock
    gc.set_threshold(*before)


def old_garbage() -> "ref[Something]":
    """Make what only a collection of everything frees."""
    one = Something()
    one.itself = one
    for _ in range(20):
        gc.collect(1)
    return ref(one)


def test_python_itself_looks_through_what_is_old_no_more(collector: tuple[QuietCollector, Clock]) -> None:
    gone = old_garbage()
    kept: list[list[object]] = [[None] for _ in range(300_000)]
    assert kept
    assert gone() is not None


def test_what_is_gone_after_a_turn_of_the_event_loop_is_not_looked_through(
    collector: tuple[QuietCollector, Clock],
) -> None:
    def collections() -> int:
        return sum(each["collections"] for each in gc.get_stats())

    gc.collect()
    before = collections()
    for _ in range(10):
        turn: list[list[object]] = [[None] for _ in range(2_000)]
        assert turn
        del turn
    assert collections() == before


def test_what_is_old_is_looked_through_while_nothing_is_asked(collector: tuple[QuietCollector, Clock]) -> None:
    gone = old_garbage()
    answered = 0
    for _ in range(20):
        answered += _A_LOT
        collector[0].tick(answered)
    assert gone() is not None
    collector[0].tick(answered)
    assert gone() is None


def test_what_is_old_is_not_put_off_for_ever(collector: tuple[QuietCollector, Clock]) -> None:
    gone = old_garbage()
    collector[0].tick(_A_LOT)
    assert gone() is not None
    collector[1].now = 601
    collector[0].tick(2 * _A_LOT)
    assert gone() is None


def test_nothing_is_looked_through_if_there_is_nothing_new(collector: tuple[QuietCollector, Clock]) -> None:
    one = Something()
    one.itself = one
    gc.collect()
    gone = ref(one)
    del one
    collector[0].tick(0)
    assert gone() is not None


def test_what_is_kept_for_good_goes_unless_it_refers_to_itself() -> None:
    one, other = Something(), Something()
    other.itself = other
    refs = [ref(one), ref(other)]
    keep_for_good()
    del one, other
    gc.collect()
    assert [each() is None for each in refs] == [True, False]
    gc.unfreeze()


_TURNS = """
import ctypes, json, struct, sys
from threading import Thread
import service.pauses
def turn(found):
    attributes = ctypes.create_string_buffer(48)
    ctypes.CDLL(None).syscall({"x86_64": 315, "aarch64": 275}[sys.argv[1]], 0, attributes, 48, 0)
    found += struct.unpack("=IIQiIQQQ", attributes.raw)[3:6:2]
before, own, another = [], [], []
turn(before)
service.pauses.take_short_turns()
turn(own)
thread = Thread(target=turn, args=(another,))
thread.start()
thread.join()
print(json.dumps([before, own, another]))
"""


def _linux() -> tuple[int, ...]:
    release = os.uname().release.split("-")[0].split(".") if sys.platform == "linux" else ["0"]
    return tuple(int(part) for part in release[:2])


@pytest.mark.skipif(_linux() < (6, 12) or platform.machine() not in {"x86_64", "aarch64"}, reason="no such turns")
def test_the_event_loop_takes_short_turns_and_the_threads_that_it_starts_do_not() -> None:
    command = [sys.executable, "-c", _TURNS, platform.machine()]
    before, own, another = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert own[1] == 200_000
    assert another[1] == before[1] > own[1]
    assert before[0] == own[0] == another[0]


def test_the_interpreter_is_given_away_sooner_until_the_last_that_wants_it_so_is_done() -> None:
    usual = sys.getswitchinterval()
    first, second = giving_way(), giving_way()  # two loads at the same time
    with second:
        with first:
            assert sys.getswitchinterval() == pytest.approx(2e-4)
        assert sys.getswitchinterval() == pytest.approx(2e-4)
    assert sys.getswitchinterval() == usual
