import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing import Pipe

import pytest

from model_store.layout import VersionRef
from service.bulk.columns import added_columns
from service.bulk.dialects import TSV
from service.bulk.errors import RunError
from service.bulk.rows import Chunk, Position
from service.bulk.scorer import Task
from service.bulk.tables import TableParser, TableWriter
from service.bulk.workers import Workers, work
from service.errors import StartError
from service.settings import Settings

COLUMNS, REF = ("text",), VersionRef("gru", 2)


def task_of(settings: Settings, ref: VersionRef = REF) -> Task:
    writer = TableWriter(TSV, COLUMNS, added_columns(COLUMNS, ("negative", "positive"), ref), same=True)
    return Task(settings, ref, TableParser(TSV, 1, 0), writer, packed=False)


def chunks(count: int, slow: int = 0) -> Iterator[Chunk]:
    """Yield chunks of one row; the first is as much work as `slow` rows."""
    for number in range(count):
        body = f"{number} 좋다\n".encode() * (slow if slow and not number else 1)
        yield Chunk(body, number, Position(number, number), None)


def test_results_are_in_the_order_of_the_chunks_whoever_is_slow(settings: Settings) -> None:
    with Workers(task_of(settings), 2) as workers:
        found = list(workers.results(chunks(20, slow=500)))
    assert [chunk.line for chunk, _ in found] == list(range(20))
    assert [result.output.split(b" ")[0] for _, result in found] == [b"%d" % number for number in range(20)]
    assert {chunk.body for chunk, _ in found} == {b""}


def test_no_more_chunks_are_read_than_may_be_under_way(settings: Settings) -> None:
    read = 0

    def counted() -> Iterator[Chunk]:
        nonlocal read
        for chunk in chunks(100):
            read += 1
            yield chunk

    with Workers(task_of(settings), 1) as workers:
        for taken, _ in enumerate(workers.results(counted()), 1):
            assert read <= taken + 5


def test_a_worker_that_ends_too_early_is_an_error(settings: Settings) -> None:
    def deadly() -> Iterator[Chunk]:
        yield from chunks(3)
        os.kill(workers.pids[0], signal.SIGKILL)
        yield from chunks(3)

    with (
        Workers(task_of(settings), 1) as workers,
        pytest.raises(RunError, match=r"killed by signal 9; out of memory\?"),
    ):
        list(workers.results(deadly()))


def test_a_version_that_cannot_be_loaded_is_said(settings: Settings) -> None:
    with (
        pytest.raises(StartError, match="gru/9: no readable manifest"),
        Workers(task_of(settings, VersionRef("gru", 9)), 2),
    ):
        pass


@pytest.mark.parametrize("version", [2, 9])
def test_a_worker_ends_when_nobody_listens(settings: Settings, version: int) -> None:
    ours, theirs = Pipe()
    ours.close()
    work(theirs, task_of(settings, VersionRef("gru", version)))


def test_a_worker_answers_every_chunk(settings: Settings) -> None:
    ours, theirs = Pipe()
    thread = threading.Thread(target=work, args=(theirs, task_of(settings)))
    thread.start()
    assert ours.recv() is None
    for chunk in chunks(3):
        ours.send(chunk)
        assert ours.recv().scored == 1
    ours.close()
    thread.join(10)
    assert not thread.is_alive()
