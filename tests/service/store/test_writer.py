import asyncio
import threading
import time
from contextlib import closing

import pytest
from sqlalchemy import insert

from service.errors import StoreUnavailableError
from service.store.database import Database, Lock, open_database
from service.store.tables import LABEL
from service.store.writer import LabelWriter
from tests.service.store.fakes import FailingDatabase, StuckDatabase, labelled, writing
from tests.service.store.observations import a_label, an_id
from tests.service.store.postgresql import Server

pytestmark = pytest.mark.anyio


async def test_label_is_answered_once_it_is_committed(database: Database) -> None:
    with writing(database) as writer:
        assert await writer.label(a_label(1)) == "accepted"
        assert labelled(database) == [an_id(1)]
        assert await writer.label(a_label(1)) == "same"
        assert await writer.label(a_label(1, "negative")) == "conflict"


async def test_many_labels_at_once_each_get_their_own_answer(database: Database) -> None:
    with writing(database) as writer:
        given = [a_label(number % 700, "positive" if number < 1400 else "negative") for number in range(2100)]
        answers = await asyncio.gather(*[writer.label(label) for label in given])
    assert answers == ["accepted"] * 700 + ["same"] * 700 + ["conflict"] * 700
    assert labelled(database) == [an_id(number) for number in range(700)]


async def test_label_whose_caller_went_away_is_written_all_the_same(database: Database) -> None:
    with writing(database) as writer:
        waiting = asyncio.ensure_future(writer.label(a_label(1)))
        waiting.cancel()
        assert await writer.label(a_label(2)) == "accepted"
    assert labelled(database) == [an_id(1), an_id(2)]


def test_loop_that_ends_before_its_answer_does_not_stop_the_writer(database: Database) -> None:
    async def give(writer: LabelWriter) -> None:
        writer.label(a_label(1))

    stuck = StuckDatabase(database)
    with writing(stuck) as writer:
        asyncio.run(give(writer))
        stuck.free.set()
        deadline = time.monotonic() + 5
        while writer.waiting and time.monotonic() < deadline:
            time.sleep(0.01)
    assert labelled(database) == [an_id(1)]


async def test_closing_writes_all_that_was_accepted(database: Database) -> None:
    with writing(database) as writer:
        answers = [writer.label(a_label(number)) for number in range(1500)]
    assert len(labelled(database)) == 1500
    assert await asyncio.gather(*answers) == ["accepted"] * 1500


async def test_closed_writer_takes_nothing(database: Database) -> None:
    with writing(database) as writer:
        pass
    with pytest.raises(StoreUnavailableError):
        await writer.label(a_label(1))


async def test_labels_that_the_queue_cannot_hold_are_refused_at_once(database: Database) -> None:
    stuck = StuckDatabase(database)
    with writing(stuck, queue=2) as writer:
        waiting = [writer.label(a_label(1))]
        await asyncio.to_thread(stuck.begun.wait)
        waiting += [writer.label(a_label(number)) for number in (2, 3)]
        with pytest.raises(StoreUnavailableError):
            await writer.label(a_label(4))
        stuck.free.set()
        assert await asyncio.gather(*waiting) == ["accepted"] * 3


async def test_failed_commit_is_tried_again_until_it_succeeds(database: Database) -> None:
    failing = FailingDatabase(database, failures=3)
    with writing(failing) as writer:
        assert await writer.label(a_label(1)) == "accepted"
    assert failing.attempts == 4
    assert labelled(database) == [an_id(1)]
    assert (writer.tallies.written, writer.tallies.failed) == (1, 0)


@pytest.mark.parametrize("labels", [1, 1200])
async def test_label_that_cannot_be_written_in_time_is_refused(database: Database, labels: int) -> None:
    failing = FailingDatabase(database, failures=float("inf"))
    with writing(failing, patience_s=0.2) as writer:
        answers = await asyncio.gather(*[writer.label(a_label(n)) for n in range(labels)], return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreUnavailableError}
        failing.failures = 0
        assert await writer.label(a_label(2)) == "accepted"
    assert labelled(database) == [an_id(2)]
    assert writer.tallies.failed == labels


async def test_closing_gives_up_when_the_store_stays_away(database: Database) -> None:
    failing = FailingDatabase(database, failures=float("inf"))
    writer = LabelWriter(failing)
    writer.start()
    answers = [writer.label(a_label(number)) for number in range(700)]
    writer.close(timeout_s=0.1)
    refused = await asyncio.gather(*answers, return_exceptions=True)
    assert {type(answer) for answer in refused} == {StoreUnavailableError}
    assert writer.tallies.failed == 700
    assert labelled(database) == []


async def test_label_that_no_database_takes_is_refused_alone(database: Database) -> None:
    with writing(database) as writer:
        answers = [writer.label(a_label(number, "\ud800" if number == 3 else "positive")) for number in range(6)]
        results = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(results.pop(3), StoreUnavailableError)
    assert results == ["accepted"] * 5
    assert (writer.tallies.written, writer.tallies.failed) == (5, 1)


async def test_two_processes_may_write_to_the_same_store(url: str) -> None:
    with closing(open_database(url)) as one, closing(open_database(url)) as two:
        with writing(one) as first, writing(two) as second:
            answers = await asyncio.gather(*[w.label(a_label(n)) for n in range(500) for w in (first, second)])
        assert sorted(answers) == ["accepted"] * 500 + ["same"] * 500


async def test_label_is_never_visible_before_one_with_a_smaller_number(url: str) -> None:
    """Else a report that was made in between would have seen the labels in another order."""
    with closing(open_database(url)) as database:
        begun = threading.Event()

        def write_second() -> None:
            with database.write(Lock.LABELS) as connection:
                begun.set()
                connection.execute(insert(LABEL), a_label(2)._asdict())

        with database.write(Lock.LABELS) as connection:
            connection.execute(insert(LABEL), a_label(1)._asdict())
            thread = threading.Thread(target=write_second)
            thread.start()
            assert not begun.wait(0.2)
            assert labelled(database) == []
        thread.join()
        assert labelled(database) == [an_id(1), an_id(2)]


@pytest.mark.postgresql
async def test_writer_outlives_a_restart_of_the_server(postgresql: Server) -> None:
    with closing(open_database(postgresql.new_database())) as database, writing(database) as writer:
        for number in range(5):
            assert await writer.label(a_label(number)) == "accepted"
            postgresql.disconnect_all()
        assert len(labelled(database)) == 5
