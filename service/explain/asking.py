"""Asks the process that explains: one question at a time, a few may wait, and none waits for long."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from service.errors import ExplanationsBusyError, ExplanationTimeoutError, NotReadyError
from service.explain.counters import ExplanationCounters
from service.explain.frames import ANSWER, KINDS, QUESTION, Reply
from service.logs import log_event

DEADLINE_S = 20.0
"""From a question to its answer, waiting included."""

_COMMAND = (sys.executable, "-m", "service.explain.process")

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Matrices as small as these are not worth a second thread, and the other processors are for predictions."""


class ExplainingProcess:
    """Starts the process when it is first needed, and anew if it dies. It belongs to the event loop.

    Args:
        store: directory of the versions.
        most: questions that may wait or be answered at once.
        counters: where its starts and its work are counted.
        command: starts the process; the store comes behind it.
    """

    deadline_s = DEADLINE_S
    """After which a question is given up, and the process with it."""

    def __init__(
        self, store: Path, most: int, counters: ExplanationCounters, command: Sequence[str] = _COMMAND
    ) -> None:
        self._command = (*command, str(store))
        self._most = most
        self._counters = counters
        counters.pending.set_function(lambda: self.pending)
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._ended = False
        self.pending = 0
        """Questions that wait or are being answered."""

    async def ask(self, question: bytes) -> Reply:
        """Return what the process says.

        Raises:
            ExplanationsBusyError: if too many wait already.
            ExplanationTimeoutError: if it takes too long.
            NotReadyError: if the process died over it, or the service ends.
        """
        if self.pending >= self._most:
            raise ExplanationsBusyError(self._most)
        self.pending += 1
        try:
            async with asyncio.timeout(self.deadline_s), self._turn:
                return await self._exchange(question)
        except TimeoutError:
            raise ExplanationTimeoutError(self.deadline_s) from None
        finally:
            self.pending -= 1

    async def end(self) -> None:
        """End the process, whatever it is doing; nothing is explained any more."""
        self._ended = True
        if self._process is not None:
            await _kill(self._process)

    async def _exchange(self, question: bytes) -> Reply:
        process = await self._running()
        started, whole = perf_counter(), False
        try:
            reply = await _reply(process, question)
            whole = True
            self._counters.duration_s.observe(perf_counter() - started)
            return reply
        except (asyncio.IncompleteReadError, ConnectionError):
            await _kill(process)
            log_event("explaining_process_died", logging.ERROR, status=process.returncode)
            raise NotReadyError("the process that explains died and is started anew", retry_after_s=1) from None
        finally:
            if not whole:  # half an answer must not be taken for the beginning of the next one
                self._process = None
                await _kill(process)

    async def _running(self) -> Process:
        if self._ended:
            raise NotReadyError("the service is about to end")
        if self._process is None or self._process.returncode is not None:
            environment = {**os.environ, **_ONE_THREAD}
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, env=environment
            )
            self._counters.starts.add()
        return self._process


async def _reply(process: Process, question: bytes) -> Reply:
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018, S101 - they are pipes
    process.stdin.write(QUESTION.pack(len(question)) + question)
    await process.stdin.drain()
    kind, size = ANSWER.unpack(await process.stdout.readexactly(ANSWER.size))
    return Reply(KINDS[kind], await process.stdout.readexactly(size))


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
