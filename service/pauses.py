"""What would make the event loop pause although nobody asks much of it, and how that is avoided.

The garbage collector looks through every connection again and again, and Linux lets whoever computes finish its turn.
"""

import ctypes
import gc
import os
import platform
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from time import monotonic

_NEVER = 2**31 - 1
_YOUNG = 3_000
"""Objects after which those that are young are looked through. Thirty requests that are answered in one turn of the
event loop are more than the 700 of Python, which did it in every turn, for a twentieth of all time."""
_WORTH = 3
"""Collections of what is young after which one of everything is worth its time: 90,000 objects; Python's are 70,000."""
_QUIET_REQUESTS = 5
"""In a tick of a tenth of a second; who asks no more often hardly ever meets a collection."""
_LONGEST_S = 600.0
"""For how long a collection may be put off."""

_TURN_NS = 200_000
_USUAL_S, _GIVE_WAY_S = sys.getswitchinterval(), 2e-4
_giving_way: list[None] = []
"""One entry for each that gives way; `_COUNTING` guards it."""
_COUNTING = Lock()
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}
"""The number of the system call `sched_setattr` by processor."""
_ATTRIBUTES = "=IIQiIQQQ"
"""Its structure: size, policy, flags, niceness, priority, the length of a turn in ns; two fields are not used."""
_RESET_ON_FORK = 1


class QuietCollector:
    """Looks through what is old for garbage while nothing is asked, rather than when Python would.

    Python would do so whenever a quarter of it is new: some ten times while a few thousand clients connect, 50 to 100
    ms each time. Nothing of ours refers to itself, so nearly all goes without it. What is young is looked through as
    ever, but less often than in every turn of a busy event loop.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._answered = 0
        self._since = clock()

    def take_over(self) -> None:
        """Keep Python from doing it from now on."""
        gc.set_threshold(_YOUNG, gc.get_threshold()[1], _NEVER)

    def tick(self, answered: int) -> None:
        """Collect if it is worth it and the moment is good; call it ten times a second.

        Args:
            answered: requests since the start.
        """
        quiet, self._answered = answered - self._answered < _QUIET_REQUESTS, answered
        if gc.get_count()[2] < _WORTH:
            self._since = self._clock()
        elif quiet or self._clock() - self._since > _LONGEST_S:
            gc.collect()


def keep_for_good() -> None:
    """Leave what was made so far out of what the garbage collector looks through again and again, 50 ms each time.

    Versions that are dropped go all the same: nothing of theirs refers to itself.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def giving_way() -> Iterator[None]:
    """Let threads hand the interpreter to each other sooner while one does much beside the event loop.

    Python lets a thread go on for 5 ms although another waits, and the loop waits again at each of its system calls.
    May be entered by several at once.
    """
    with _COUNTING:
        _giving_way.append(None)
        sys.setswitchinterval(_GIVE_WAY_S)
    try:
        yield
    finally:
        with _COUNTING:
            _giving_way.pop()
            if not _giving_way:
                sys.setswitchinterval(_USUAL_S)


def take_short_turns() -> None:
    """Ask Linux for short turns of this thread, so that it interrupts whoever computes when it has something to do.

    Its share of a processor stays the same, and threads and processes that it starts are as all others. Linux older
    than 6.12 takes no notice; where that cannot be asked for, nothing changes.
    """
    number = _SET_ATTRIBUTES.get(platform.machine())
    if sys.platform != "linux" or number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    niceness, size = os.getpriority(os.PRIO_PROCESS, 0), struct.calcsize(_ATTRIBUTES)
    attributes = struct.pack(_ATTRIBUTES, size, os.SCHED_OTHER, _RESET_ON_FORK, niceness, 0, _TURN_NS, 0, 0)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).syscall(number, 0, attributes, 0)
