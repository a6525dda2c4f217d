"""Makes reports in a process of its own: a report takes seconds of a processor, and the memory of SciPy and its rows.

In a thread it would hold the interpreter while requests are answered, and the memory would stay.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from service.errors import NotReadyError, StoreUnavailableError
from service.logs import log_event

Report = Mapping[str, Any]

_COMMAND = (sys.executable, "-m", "service.report_process")


class ReportMaker:
    """Makes one report at a time, however many are asked for. It belongs to the event loop.

    Args:
        url: of the store, as SQLAlchemy writes it; the process reads it from its input, where no other user can see it.
        command: starts the process.
    """

    def __init__(self, url: str, command: Sequence[str] = _COMMAND) -> None:
        self._url = url
        self._command = command
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._ended = False

    async def make(self, experiment: str, phase: int | None, running: bool) -> Report | None:
        """Return the report on a phase, None if there is none; see `experiments.report.build_report`.

        Raises:
            StoreUnavailableError: if the store cannot be read; the log says why.
            NotReadyError: if the service ends.
            RuntimeError: if the process fails otherwise, with what it said last.
        """
        asked = {"url": self._url, "experiment": experiment, "phase": phase, "running": running}
        async with self._turn:
            answered = json.loads(await self._ask(json.dumps(asked).encode()))
        if "unavailable" in answered:
            log_event("store_unavailable", logging.ERROR, reason=answered["unavailable"])
            raise StoreUnavailableError("the store cannot be read; the log says why")
        report: Report | None = answered["report"]
        return report

    async def end(self) -> None:
        """End the process, whatever it is doing; nothing is made any more."""
        self._ended = True
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, asked: bytes) -> bytes:
        self._refuse_at_end()
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, stderr=pipe)
        self._process = process
        try:
            self._refuse_at_end()  # it may have come while the process was started
            answered, said = await process.communicate(asked)
        finally:
            self._process = None
            if process.returncode is None:
                process.kill()
        self._refuse_at_end()
        if process.returncode != 0:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise RuntimeError(f"the process of the report ended with {process.returncode}: {last}")
        return answered

    def _refuse_at_end(self) -> None:
        if self._ended:
            raise NotReadyError("the service is about to end")
