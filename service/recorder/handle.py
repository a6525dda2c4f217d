"""Starts the process that records, hands texts to it, and hears what became of them."""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from service.logs import log_event, log_exception
from service.recorder.frames import LENGTH, TEXTS, Declared, Settled, framed, unframed
from service.settings import Settings
from service.store.tallies import WriterTallies
from service.telemetry.trail import Trace

_GATHER_S = 0.05
"""How long a text waits for others, so that the arms read many at once, and few transactions hold them."""

_ONE_FRAME = 128
"""Texts that are written down before others get the event loop: a tenth of a millisecond."""

MOST_WAITING = 20_000
"""Texts that may be on their way; beyond them, texts are only counted."""

_DECLARED = 2
"""Experiments that a new process is told of: the one that runs, and the one before it."""

_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 30.0
"""A process that died is started anew after the first, the next that dies before it did anything after twice that, …"""

_COMMAND = (sys.executable, "-m", "service.recorder.process")


class Recorder:
    """The process that records, started when it is first needed, and anew if it dies. It belongs to the event loop.

    Args:
        settings: of the service; the process reads them from its input, where no other user can see them.
        settled: told what became of texts, with the traces of those that have one.
        lose: told how many texts were lost with the process.
        command: starts it.

    Attributes:
        tallies: what it counted of the rows it wrote.
        waiting: texts that were taken, and of which nothing is known yet.
    """

    def __init__(
        self,
        settings: Settings,
        settled: Callable[[Settled, Collection[Trace]], None],
        lose: Callable[[int], None],
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._settings = settings
        self._on_settled = settled
        self._lose = lose
        self._command = command
        self.tallies = WriterTallies()
        self.waiting = 0
        self._notes: deque[tuple[int, tuple[object, ...]]] = deque()
        self._declared: dict[int, Declared] = {}
        self._ready: dict[int, asyncio.Future[None]] = {}
        self._flushes: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._traces: deque[tuple[int, Trace]] = deque()
        self._taken = 0
        self._wake, self._ending = asyncio.Event(), asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def declare(self, declared: Declared) -> None:
        """Tell the process of an experiment, and return once it is ready for its texts."""
        self._declared[declared.number] = declared
        for number in sorted(self._declared)[:-_DECLARED]:
            del self._declared[number]
        ready = self._ready.setdefault(declared.number, asyncio.get_running_loop().create_future())
        self._wake.set()
        if self._work is None:
            self._work = asyncio.create_task(self._keep_running())
        await asyncio.shield(ready)

    def take(self, number: int, note: tuple[object, ...], trace: Trace | None = None) -> None:
        """Take a text, in less than a microsecond, or count it as lost if too many wait.

        Args:
            number: of its experiment, which was declared.
            note: the fields of a `Note`.
            trace: of its request; None if none is recorded.
        """
        if self.waiting >= MOST_WAITING:
            self._lose(1)
            return
        if not self._notes:
            self._wake.set()
        self._notes.append((number, note))
        self._taken += 1
        self.waiting += 1
        if trace is not None:
            self._traces.append((self._taken, trace))

    async def flushed(self) -> None:
        """Return when every text that was taken until now is written, or lost."""
        if self.waiting:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._flushes.append((self._taken, done))
            await done

    async def end(self) -> None:
        """Return when everything that was taken is written and the process has ended; if cancelled, it is killed."""
        self._ending.set()
        self._wake.set()
        if self._work is not None:
            await self._work

    async def _keep_running(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._ending.is_set():
            taken_before = self._taken - self.waiting
            status = await self._run()
            self._lost(self.waiting - len(self._notes))
            if self._ending.is_set():
                break
            log_event("recorder_died", logging.ERROR, status=status)
            worked = self._taken - self.waiting > taken_before
            pause_s = _FIRST_PAUSE_S if worked else min(2 * pause_s, _LAST_PAUSE_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)
        self._notes.clear()
        self._lost(self.waiting)

    async def _run(self) -> int:
        """Run the process until it ends; return its exit status."""
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018, S101 - they are pipes
        feeding = asyncio.create_task(self._feed(process.stdin))
        try:
            await self._hear(process.stdout)
            return await process.wait()
        finally:
            feeding.cancel()
            await _kill(process)

    async def _feed(self, stdin: asyncio.StreamWriter) -> None:
        """Hand over what there is, until there will be no more."""
        told: set[int] = set()
        try:
            stdin.write(framed(self._settings.model_dump_json()))
            while self._notes or not self._ending.is_set():
                if not self._notes and self._declared.keys() <= told:
                    self._wake.clear()
                    await self._wake.wait()
                await asyncio.sleep(_GATHER_S)
                for number in self._declared.keys() - told:
                    stdin.write(framed(self._declared[number].plain()))
                    told.add(number)
                await self._hand_over(stdin, len(self._notes))
        except ConnectionError:  # it died, which is heard
            pass
        except Exception as error:
            log_exception("recorder_not_fed", error)
        finally:
            stdin.close()

    async def _hand_over(self, stdin: asyncio.StreamWriter, count: int) -> None:
        """Hand over so many notes, all at once: the process wakes up once for them, and commits once."""
        frames: list[bytes] = []
        while count > 0:
            number, note = self._notes.popleft()
            notes = [note]
            while self._notes and len(notes) < min(count, _ONE_FRAME) and self._notes[0][0] == number:
                notes.append(self._notes.popleft()[1])
            count -= len(notes)
            frames.append(framed((TEXTS, number, notes)))
            await asyncio.sleep(0)
        stdin.write(b"".join(frames))
        await stdin.drain()

    async def _hear(self, stdout: asyncio.StreamReader) -> None:
        """Take in what the process says, until it ends."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                [size] = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
                self._settled(Settled.of(unframed(await stdout.readexactly(size))))

    def _settled(self, settled: Settled) -> None:
        if settled.tallies is not None:
            self.tallies.add(settled.tallies)
        ready = self._ready.get(settled.number)
        if not settled.texts and ready is not None and not ready.done():
            ready.set_result(None)
        try:
            self._on_settled(settled, self._traced(settled.texts))
        except Exception as error:  # what cannot be counted is written all the same
            log_exception("recorded_not_counted", error)
        if settled.lost:
            self._lose(settled.lost)
        self._settle(settled.texts)

    def _traced(self, texts: int) -> list[Trace]:
        """Return the traces of the next texts of which something is known."""
        traces: list[Trace] = []
        while self._traces and self._traces[0][0] <= self._taken - self.waiting + texts:
            traces.append(self._traces.popleft()[1])
        return traces

    def _lost(self, texts: int) -> None:
        if texts:
            self._lose(texts)
        self._traced(texts)
        self._settle(texts)

    def _settle(self, texts: int) -> None:
        self.waiting -= texts
        while self._flushes and self._flushes[0][0] <= self._taken - self.waiting:
            _, done = self._flushes.popleft()
            if not done.done():  # who asked may have gone
                done.set_result(None)


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
