import pytest
from sqlalchemy import func, select

from service.store.database import Database
from service.store.rows import ObservationWriter
from service.store.tables import TERM
from tests.service.store.fakes import observed
from tests.service.store.observations import an_id, an_observation, recorded


def test_what_rows_say_again_and_again_is_there_once(database: Database) -> None:
    for _ in range(2):  # two processes
        writer = ObservationWriter(database)
        for first in range(2):
            writer.write([recorded(an_observation(number)) for number in range(first, 40, 2)])
    with database.read() as connection:
        terms = connection.execute(select(func.count()).select_from(TERM)).scalar_one()
    assert terms == 3 + 1 + 1  # an answer of each of three arms, who served, the phase
    assert observed(database) == [an_id(number) for number in range(40)]


def test_one_that_no_database_takes_is_an_error_and_leaves_nothing(database: Database) -> None:
    rows = [recorded(an_observation(number, text="\ud800" if number == 3 else "fine")) for number in range(6)]
    with pytest.raises(Exception, match="surrogate"):
        ObservationWriter(database).write(rows)
    assert observed(database) == []
