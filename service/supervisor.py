"""Workers on one port: starts them, replaces those that die or have grown, adds up what the dead had counted."""

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
from math import inf
from pathlib import Path
from socket import socket
from types import FrameType

from service.errors import StartError
from service.ledger import SUPERVISOR, Series, SharedLedger
from service.listening import Loads, open_port
from service.logs import configure, log_event
from service.place import ACCEPTING, GROWN, LOADED, LOADS, READY, WORKER_RESTARTS, Place
from service.recycling import Recycling
from service.settings import Settings
from service.slots import Slot, Worker

_WORKER = (sys.executable, "-m", "service.worker")
_LOOK_S = 0.5
"""Longest time between two looks; the end of a worker is seen at once."""
_PATIENCE_S = 15.0
"""For how long workers may take to stop, beside the time for which they go on as before; they allow themselves less."""
_FIRST_DELAY_S, _LAST_DELAY_S = 0.5, 30.0
"""A worker that dies before it takes connections is replaced after the first delay, the next after twice that, …"""


def supervise(settings: Settings) -> int:
    """Serve with workers until SIGTERM or SIGINT; return the exit status.

    Raises:
        StartError: if the port is taken, or the workers cannot start.
    """
    configure(settings.log_level)
    sockets = open_port(settings.host, settings.port)
    with tempfile.TemporaryDirectory(prefix="nunchi-", ignore_cleanup_errors=True) as directory:
        recycle_mb = settings.recycle_memory_mb
        supervisor = Supervisor(sockets, Path(directory), settings.workers, recycle_memory_mb=recycle_mb)
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
        recycle_memory_mb: by how much one may grow before it is replaced; 0: by any.
    """

    def __init__(
        self,
        sockets: Sequence[socket],
        directory: Path,
        workers: int,
        command: Sequence[str] = _WORKER,
        *,
        recycle_memory_mb: int = 0,
    ) -> None:
        self._sockets = sockets
        self._directory = directory
        self._command = command
        self._slots = [Slot(number) for number in range(workers)]
        self._loads = Loads.create(directory / LOADS, 2 * workers)
        self._ledger = SharedLedger(directory, SUPERVISOR)
        self._restarts = self._ledger.reserve(Series(WORKER_RESTARTS, (), 2, "always"))
        self._recycling = Recycling(self._ledger, recycle_memory_mb)
        self._number = SUPERVISOR
        self._lifeline, self._alive = os.pipe()  # nobody else holds the second: it is closed with this process
        self._wakes, self._waken = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wakes, selectors.EVENT_READ)
        self._came_up = False
        self._failed: Worker | None = None
        self._signals = 0
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
            for slot in self._slots:
                for worker in slot.workers:
                    if worker.process.poll() is not None:
                        self._bury(slot, worker)
            if self._signals:
                self._close_port()
            self._end_late()
        if self._failed and self._failed.words:
            raise StartError(self._failed.words)
        return abs(self._failed.process.returncode) if self._failed else 0

    def stop(self) -> None:
        """Tell the workers to stop; those that go on answering to hurry, the second time; to end at once, the third."""
        number = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)[min(self._signals, 2)]
        self._signals += 1
        os.write(self._waken, b".")  # the port is closed here before the last worker closes it, having taken who waits
        for worker in self._living():
            self._tell_to_stop(worker, number)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _living(self) -> list[Worker]:
        return [worker for slot in self._slots for worker in slot.workers]

    def _fill(self) -> None:
        """Start a worker wherever one is due, and, one at a time, an heir to one that has grown."""
        for slot in self._slots:
            if slot.due > time.monotonic():
                continue
            if slot.worker is None:
                started = slot.worker = self._start(slot, READY if self._number > SUPERVISOR else 0)
            elif slot.worker.grown and not self._replacing() and self._recycling.may_begin(slot.worker):
                started = slot.heir = self._start(slot, LOADED)
            else:
                continue
            if self._signals:  # while it was started
                self._tell_to_stop(started, signal.SIGTERM)

    def _replacing(self) -> bool:
        return any(slot.heir for slot in self._slots)

    def _start(self, slot: Slot, hold: int) -> Worker:
        self._number += 1
        notices, written = os.pipe()
        place = Place(
            listening=",".join(str(opened.fileno()) for opened in self._sockets),
            lifeline=self._lifeline,
            notices=written,
            directory=str(self._directory),
            slot=slot.cell(len(self._slots)),
            number=self._number,
            hold=hold,
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
        for line in said.splitlines(keepends=True):
            if line == ACCEPTING:
                self._accepts(worker)
            elif line == GROWN:
                worker.grown = True
            else:
                worker.words += line.decode(errors="replace")
        return bool(said)

    def _accepts(self, worker: Worker) -> None:
        """Let a worker that takes connections take over from the one whose heir it is."""
        worker.accepting = self._came_up = True
        slot = self._slots[worker.place.slot % len(self._slots)]
        slot.delay_s = 0.0
        self._ledger.show(worker.place.number)
        if slot.heir is worker and slot.worker and slot.worker.told_at == inf:
            self._tell_to_stop(slot.worker, signal.SIGTERM)

    def _tell_to_stop(self, worker: Worker, number: signal.Signals) -> None:
        worker.told_at = min(worker.told_at, time.monotonic())
        worker.process.send_signal(number)

    def _bury(self, slot: Slot, worker: Worker) -> None:
        """Keep what a dead worker had counted, and decide when the next takes its place, if none has."""
        slot.vacate(worker)
        while worker.notices >= 0 and self._hear(worker):
            pass
        self._loads.set(worker.place.slot, inf)
        self._ledger.fold(worker.place.number)
        if self._signals:
            return
        if worker.told_at < inf:
            self._recycling.ended(worker)
            return
        if not self._came_up:
            self._failed = worker
            self.stop()
            return
        self._restarts[1] += 1
        slot.delay_s = 0.0 if worker.accepting else min(max(2 * slot.delay_s, _FIRST_DELAY_S), _LAST_DELAY_S)
        slot.due = time.monotonic() + slot.delay_s
        status, pid = worker.process.returncode, worker.process.pid
        log_event("worker_died", logging.ERROR, worker=slot.number, pid=pid, status=status, words=worker.words)

    def _close_port(self) -> None:
        """Refuse new connections, as the workers do."""
        for opened in self._sockets:
            opened.close()

    def _end_late(self) -> None:
        """End those that were told to stop and cannot come to an end."""
        for worker in self._living():
            if time.monotonic() - worker.told_at > self.stop_delay_s + _PATIENCE_S:
                worker.process.kill()
