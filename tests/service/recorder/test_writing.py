from collections.abc import Iterator
from pathlib import Path

import pytest

from service.recorder.writing import PatientWriter
from service.store.database import Database, open_database
from service.store.tables import OBSERVATION
from service.store.tallies import WriterTallies
from tests.service.store.fakes import FailingDatabase, observed
from tests.service.store.observations import an_id, an_observation, recorded


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}/nunchi.db")
    yield database
    database.close()


def test_a_failed_commit_is_tried_again_until_it_succeeds(database: Database) -> None:
    failing, tallies = FailingDatabase(database, failures=3), WriterTallies()
    PatientWriter(failing, tallies, lambda: False).write([recorded(an_observation(number)) for number in range(5)])
    assert observed(database) == [an_id(number) for number in range(5)]
    assert (tallies.written, tallies.failed) == (5, 0)


def test_many_take_several_transactions(database: Database) -> None:
    tallies = WriterTallies()
    PatientWriter(database, tallies, lambda: False).write([recorded(an_observation(number)) for number in range(1200)])
    assert len(observed(database)) == 1200
    assert sum(tallies.duration_counts) == 3


def test_one_that_no_database_takes_is_dropped_alone(database: Database) -> None:
    rows = [recorded(an_observation(n, text="\ud800" if n in {7, 31} else "fine")) for n in range(50)]
    tallies = WriterTallies()
    PatientWriter(database, tallies, lambda: False).write(rows)
    assert len(observed(database)) == 48
    assert (tallies.written, tallies.failed) == (48, 2)


def test_a_statement_that_can_never_succeed_is_not_tried_for_ever(database: Database) -> None:
    with database.write() as connection:
        OBSERVATION.drop(connection)
    tallies = WriterTallies()
    PatientWriter(database, tallies, lambda: False).write([recorded(an_observation(1))])
    assert tallies.failed == 1


def test_once_the_service_is_gone_a_store_that_stays_away_is_given_up(database: Database) -> None:
    tallies = WriterTallies()
    writer = PatientWriter(FailingDatabase(database, failures=float("inf")), tallies, lambda: True)
    writer.patience_s = 0.1
    writer.write([recorded(an_observation(number)) for number in range(3)])
    assert (tallies.written, tallies.failed) == (0, 3)
