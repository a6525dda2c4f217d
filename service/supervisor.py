"""Several workers on one port: starts them, replaces those that die, adds up what the dead had counted."""

import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from socket import socket
from types import FrameType

from service.errors import StartError
from service.ledger import SUPERVISOR, Series, SharedLedger
from service.listening import Loads, open_port
from service.logs import configure, log_event
from service.place import ACCEPTING, LOADS, WORKER_RESTARTS, Place
from service.settings import Settings

_WORKER = (sys.executable, "-m", "service.worker")
_LOOK_S = 0.5
"""Longest time between two looks; the end of a worker is seen at once."""
_PATIENCE_S = 15.0
"""For how long workers may take to stop, beside the time for which they go on as before; they allow themselves less."""
_FIRST_DELAY_S, _LAST_DELAY_S = 0.5, 30.0
"""A worker that dies before it takes connections is replaced after the first delay, the next after twice that, …"""


@dataclass(slots=True)
class Worker:
    """One process.

    Attributes:
        place: where it stands among the others.
        process: the process.
        notices: the end of its pipe that is read; -1 once it is closed.
        accepting: whether it takes connections.
        words: why it cannot start.
    """

    place: Place
    process: "subprocess.Popen[bytes]"
    notices: int
    accepting: bool = False
    words: str = ""


@dataclass(slots=True)
class Slot:
    """The place of one worker after the other; while there is none, when the next is due (`time.monotonic`)."""

    worker: Worker | None = None
    due: float = 0.0
    delay_s: float = 0.0


def supervise(settings: Settings) -> int:
    """Serve with several workers until SIGTERM or SIGINT; return the exit status.

    Raises:
        StartError: if the port is taken, or the workers cannot start.
    """
    configure(settings.log_level)
    sockets = open_port(settings.host, settings.port)
    with tempfile.TemporaryDirectory(prefix="nunchi-", ignore_cleanup_errors=True) as directory:
        supervisor = Supervisor(sockets, Path(directory), settings.workers)
        supervisor.stop_delay_s = settings.stop_delay_s
        with supervisor.heeding_signals():
            return supervisor.run()


class Supervisor:
    """Keeps workers alive.

    Args:
        sockets: that listen; every worker takes connections from them, so that one that dies loses none that wait.
        directory: where workers write down what they count; gone afterwards.
        workers: how many.
        command: what starts one; its place follows.
    """

    def __init__(
        self, sockets: Sequence[socket], directory: Path, workers: int, command: Sequence[str] = _WORKER
    ) -> None:
        self._sockets = sockets
        self._directory = directory
        self._command = command
        self._slots = [Slot() for _ in range(workers)]
        self._loads = Loads.create(directory / LOADS, workers)
        self._ledger = SharedLedger(directory, SUPERVISOR)
        self._restarts = self._ledger.reserve(Series(WORKER_RESTARTS, (), 2, "always"))
        self._number = SUPERVISOR
        self._lifeline, self._alive = os.pipe()  # nobody else holds the second: it is closed with this process
        self._wakes, self._waken = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wakes, selectors.EVENT_READ)
        self._came_up = False
        self._failed: Worker | None = None
        self._signals = 0
        self._told_at = inf
        self.stop_delay_s = 0.0
        """For how long workers go on as before once they were told to stop, in seconds."""

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Pass SIGTERM and SIGINT on to the workers until the block ends."""
        before = {number: signal.signal(number, self._signalled) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self) -> int:
        """Keep workers alive until told to stop, and return once all have ended: 0, or the status of a failed start.

        Raises:
            StartError: if the first worker that ended, before any took connections, said why.
        """
        while not self._signals or self._living():
            if not self._signals:
                self._fill()
            for key, _ in self._selector.select(_LOOK_S):
                if key.data is None:
                    os.read(self._wakes, 64)
                else:
                    self._hear(key.data)
            for number, slot in enumerate(self._slots):
                if slot.worker and slot.worker.process.poll() is not None:
                    self._bury(number, slot, slot.worker)
            if self._signals:
                self._close_port()
        if self._failed and self._failed.words:
            raise StartError(self._failed.words)
        return abs(self._failed.process.returncode) if self._failed else 0

    def stop(self) -> None:
        """Tell the workers to stop; those that go on answering to hurry, the second time; to end at once, the third."""
        number = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)[min(self._signals, 2)]
        self._signals += 1
        self._told_at = min(self._told_at, time.monotonic())
        os.write(self._waken, b".")  # the port is closed here before the last worker closes it, having taken who waits
        for worker in self._living():
            worker.process.send_signal(number)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _living(self) -> list[Worker]:
        return [slot.worker for slot in self._slots if slot.worker]

    def _fill(self) -> None:
        """Start a worker wherever one is due."""
        for number, slot in enumerate(self._slots):
            if slot.worker is None and slot.due <= time.monotonic():
                slot.worker = self._start(number)
                if self._signals:  # while it was started
                    slot.worker.process.terminate()

    def _start(self, slot: int) -> Worker:
        self._number += 1
        notices, written = os.pipe()
        place = Place(
            listening=",".join(str(opened.fileno()) for opened in self._sockets),
            lifeline=self._lifeline,
            notices=written,
            directory=str(self._directory),
            slot=slot,
            number=self._number,
            hold=int(self._number > SUPERVISOR + 1),
        )
        command = [*self._command, *place.arguments()]
        try:
            # A group of its own: what the terminal sends to its group (Ctrl-C) is for the supervisor to pass on.
            process = subprocess.Popen(command, pass_fds=place.descriptors, process_group=0)  # noqa: S603 - our own
        finally:
            os.close(written)
        worker = Worker(place, process, notices)
        self._selector.register(notices, selectors.EVENT_READ, worker)
        return worker

    def _hear(self, worker: Worker) -> bool:
        """Take in what a worker says; return whether it may say more."""
        said = os.read(worker.notices, 65_536)
        if not said:
            self._selector.unregister(worker.notices)
            os.close(worker.notices)
            worker.notices = -1  # the next pipe may get the same number
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(_LOOK_S)  # it is ending
        elif said == ACCEPTING:
            worker.accepting = self._came_up = True
            self._slots[worker.place.slot].delay_s = 0.0
        else:
            worker.words += said.decode(errors="replace")
        return bool(said)

    def _bury(self, number: int, slot: Slot, worker: Worker) -> None:
        """Keep what a dead worker had counted, and decide when the next takes its place."""
        while worker.notices >= 0 and self._hear(worker):
            pass
        slot.worker = None
        self._loads.set(number, inf)
        self._ledger.fold(worker.place.number)
        if self._signals:
            return
        if not self._came_up:
            self._failed = worker
            self.stop()
            return
        self._restarts[1] += 1
        if not worker.accepting:
            slot.delay_s = min(max(2 * slot.delay_s, _FIRST_DELAY_S), _LAST_DELAY_S)
        slot.due = time.monotonic() + slot.delay_s
        status = worker.process.returncode
        log_event(
            "worker_died", logging.ERROR, worker=number, pid=worker.process.pid, status=status, words=worker.words
        )

    def _close_port(self) -> None:
        """Refuse new connections, as the workers do; end those that cannot come to an end."""
        for opened in self._sockets:
            opened.close()
        if time.monotonic() - self._told_at > self.stop_delay_s + _PATIENCE_S:
            for worker in self._living():
                worker.process.kill()
