"""Processes that score chunks side by side; their results come back in the order of the chunks.

A worker gets its next chunk when it has given back the last one, and no chunk is begun that is far ahead of the oldest
one under way. So what is in memory is bounded, whoever is slow: the input, one worker, or the output.
"""

import gc
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType

from model_store.errors import StoreError
from service.bulk.errors import RunError
from service.bulk.rows import Chunk
from service.bulk.scorer import ChunkScorer, Result, Task
from service.errors import EngineError, StartError

_AHEAD = 4
"""Chunks for each worker that may be under way or wait for an older one."""


class Workers:
    """Processes that live as long as the `with` block.

    Args:
        task: what each of them does.
        count: how many; 1 or more.

    Raises:
        StartError: on entering, if one of them cannot load the version.
    """

    def __init__(self, task: Task, count: int) -> None:
        self._task = task
        self._count = count
        self._processes: dict[Connection, BaseProcess] = {}

    def __enter__(self) -> "Workers":
        # Spawned, not forked: they inherit nothing, so the pipe of each breaks when this process ends, however it does.
        context = multiprocessing.get_context("spawn")
        for _ in range(self._count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_process, args=(theirs, self._task), daemon=True)
            process.start()
            theirs.close()
            self._processes[ours] = process
        try:
            for connection in self._processes:
                if problem := self._receive(connection):
                    raise StartError(str(problem))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [process.pid for process in self._processes.values() if process.pid]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        for connection in self._processes:
            connection.close()
        for process in self._processes.values():
            if error or kind:
                process.terminate()
            process.join()

    def results(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Result]]:
        """Yield every chunk, without its body, with what became of it, in order.

        Raises:
            RunError: if a worker ends, or the chunks cannot be read.
        """
        numbered = enumerate(chunks)
        waiting = next(numbered, None)
        idle = list(self._processes)
        busy: dict[Connection, tuple[int, Chunk]] = {}
        done: dict[int, tuple[Chunk, Result]] = {}
        oldest = 0
        while waiting or busy or done:
            while waiting and idle and waiting[0] < oldest + _AHEAD * self._count:
                number, chunk = waiting
                connection = idle.pop()
                self._send(connection, chunk)
                busy[connection] = number, chunk._replace(body=b"")
                waiting = next(numbered, None)
            while oldest in done:
                yield done.pop(oldest)
                oldest += 1
            ready = wait(list(busy)) if busy else []
            for connection in [each for each in busy if each in ready]:
                number, chunk = busy.pop(connection)
                done[number] = chunk, self._receive(connection)
                idle.append(connection)

    def _send(self, connection: Connection, chunk: Chunk) -> None:
        try:
            connection.send(chunk)
        except OSError as error:
            raise self._ended(connection) from error

    def _receive(self, connection: Connection) -> Result:
        """Return what a worker sends: None when it is ready, or why it is not; later, results."""
        try:
            result: Result = connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended(connection) from error
        return result

    def _ended(self, connection: Connection) -> RunError:
        process = self._processes[connection]
        process.join(1)
        status = process.exitcode
        why = f"killed by signal {-status}; out of memory?" if status and status < 0 else f"exit status {status}"
        return RunError(f"a worker ended before its work was done ({why})")


def _process(connection: Connection, task: Task) -> None:
    """Be a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the first process decides
    gc.disable()  # thousands of rows are not looked through for cycles while they live, but only between chunks
    work(connection, task)


def work(connection: Connection, task: Task) -> None:
    """Score what comes through `connection` until it is closed at the other end."""
    with suppress(EOFError, ConnectionError):
        try:
            scorer = ChunkScorer(task)
        except (StoreError, EngineError, StartError) as error:
            connection.send(str(error))
            return
        connection.send(None)
        gc.freeze()
        while True:
            connection.send(scorer.score(connection.recv()))
            gc.collect()
