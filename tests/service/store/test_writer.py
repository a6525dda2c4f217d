import asyncio
import threading
import time
from contextlib import closing

import pytest
from sqlalchemy import insert

from service.errors import StoreUnavailableError
from service.store.database import Database, Lock, open_database
from service.store.tables import LABEL, OBSERVATION
from service.store.writer import StoreWriter
from tests.service.store.fakes import FailingDatabase, StuckDatabase, labelled, observed, writing
from tests.service.store.observations import a_label, an_id, an_observation
from tests.service.store.postgresql import Server

pytestmark = pytest.mark.anyio


async def test_recorded_observations_are_written(database: Database) -> None:
    with writing(database) as writer:
        assert all([writer.record(an_observation(number)) for number in range(1200)])
        await writer.flushed()
        assert observed(database) == [an_id(number) for number in range(1200)]
        assert writer.waiting == 0
        assert (writer.tallies.written, writer.tallies.dropped, writer.tallies.failed) == (1200, 0, 0)


async def test_rows_that_come_one_by_one_share_transactions(database: Database) -> None:
    with writing(database) as writer:
        for number in range(10):
            writer.record(an_observation(number))
            await asyncio.sleep(0.0005)
        await asyncio.sleep(0.2)
        assert sum(writer.tallies.duration_counts) <= 3
    assert len(observed(database)) == 10


async def test_quiet_writer_writes_within_a_fifth_of_a_second(database: Database) -> None:
    with writing(database) as writer:
        await asyncio.sleep(0.05)
        writer.record(an_observation(1))
        await asyncio.sleep(0.2)
        assert observed(database) == [an_id(1)]


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
    async def give(writer: StoreWriter) -> None:
        writer.label(a_label(1))

    stuck = StuckDatabase(database)
    with writing(stuck) as writer:
        asyncio.run(give(writer))
        stuck.free.set()
        deadline = time.monotonic() + 5
        while writer.waiting and time.monotonic() < deadline:
            time.sleep(0.01)
        assert writer.record(an_observation(1))
    assert (labelled(database), observed(database)) == ([an_id(1)], [an_id(1)])


async def test_closing_writes_all_that_was_accepted(database: Database) -> None:
    with writing(database) as writer:
        for number in range(1500):
            writer.record(an_observation(number))
        answer = writer.label(a_label(1))
    assert len(observed(database)) == 1500
    assert await answer == "accepted"


async def test_closed_writer_takes_nothing(database: Database) -> None:
    with writing(database) as writer:
        pass
    assert writer.record(an_observation(1)) is False
    with pytest.raises(StoreUnavailableError):
        await writer.label(a_label(1))


async def test_full_queue_drops_and_counts_and_never_waits(database: Database) -> None:
    stuck = StuckDatabase(database)
    with writing(stuck, queue_rows=10) as writer:
        assert writer.record(an_observation(1))
        await asyncio.to_thread(stuck.begun.wait)
        assert [writer.record(an_observation(number)) for number in range(2, 14)] == [True] * 10 + [False] * 2
        assert (writer.tallies.dropped, writer.waiting) == (2, 11)
        stuck.free.set()
    assert observed(database) == [an_id(number) for number in range(1, 12)]


async def test_labels_that_the_queue_cannot_hold_are_refused_at_once(database: Database) -> None:
    stuck = StuckDatabase(database)
    with writing(stuck, queue_rows=2) as writer:
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
        writer.record(an_observation(1))
        assert await writer.label(a_label(1)) == "accepted"
    assert failing.attempts == 4
    assert (observed(database), labelled(database)) == ([an_id(1)], [an_id(1)])
    assert (writer.tallies.written, writer.tallies.failed) == (2, 0)


@pytest.mark.parametrize("labels", [1, 1200])
async def test_label_that_cannot_be_written_in_time_is_refused(database: Database, labels: int) -> None:
    failing = FailingDatabase(database, failures=float("inf"))
    with writing(failing, label_patience_s=0.2) as writer:
        writer.record(an_observation(1))
        answers = await asyncio.gather(*[writer.label(a_label(n)) for n in range(labels)], return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreUnavailableError}
        failing.failures = 0  # what is not refused is still there
        assert await writer.label(a_label(2)) == "accepted"
    assert (observed(database), labelled(database)) == ([an_id(1)], [an_id(2)])
    assert writer.tallies.failed == labels


async def test_closing_gives_up_when_the_store_stays_away(database: Database) -> None:
    failing = FailingDatabase(database, failures=float("inf"))
    writer = StoreWriter(failing)
    writer.start()
    for number in range(700):
        writer.record(an_observation(number))
    answer = writer.label(a_label(1))
    writer.close(timeout_s=0.1)
    with pytest.raises(StoreUnavailableError):
        await answer
    assert writer.tallies.failed == 701
    assert observed(database) == []


async def test_row_that_no_database_takes_is_dropped_alone(database: Database) -> None:
    with writing(database) as writer:
        for number in range(50):
            writer.record(an_observation(number, text="lone surrogate \ud800" if number in {7, 31} else "fine"))
        answers = [writer.label(a_label(number, "\ud800" if number == 3 else "positive")) for number in range(6)]
        results = await asyncio.gather(*answers, return_exceptions=True)
        await writer.flushed()
    assert len(observed(database)) == 48
    assert isinstance(results.pop(3), StoreUnavailableError)
    assert results == ["accepted"] * 5
    assert (writer.tallies.written, writer.tallies.failed) == (53, 3)


async def test_statement_that_can_never_succeed_is_not_tried_for_ever(database: Database) -> None:
    with database.write() as connection:
        OBSERVATION.drop(connection)
    with writing(database) as writer:
        writer.record(an_observation(1))
        await asyncio.wait_for(writer.flushed(), 5)
        assert writer.tallies.failed == 1


async def test_two_processes_may_write_to_the_same_store(url: str) -> None:
    with closing(open_database(url)) as one, closing(open_database(url)) as two:
        with writing(one) as first, writing(two) as second:
            for number in range(0, 3000, 2):
                first.record(an_observation(number))
                second.record(an_observation(number + 1))
            answers = await asyncio.gather(*[w.label(a_label(n)) for n in range(500) for w in (first, second)])
        assert sorted(answers) == ["accepted"] * 500 + ["same"] * 500
        assert len(observed(one)) == 3000


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
            writer.record(an_observation(number))
        await writer.flushed()
        assert len(observed(database)) == len(labelled(database)) == 5
