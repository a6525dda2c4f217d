import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from service.store.database import Database, open_database
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


def test_sqlite_gets_nothing_that_it_would_have_to_adapt_in_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted: list[object] = []
    adapters: dict[Any, Any] = sqlite3.adapters

    def adapt(value: object) -> int:
        adapted.append(value)
        return 1

    for kind in (bool, bytes):
        monkeypatch.setitem(adapters, (kind, sqlite3.PrepareProtocol), adapt)
    with closing(open_database(f"sqlite:///{tmp_path}/nunchi.db")) as database:
        ObservationWriter(database).write([recorded(an_observation(1, audit=True))])
        assert adapted == []
        with database.write() as connection:  # had there been any, it would have been noticed
            connection.exec_driver_sql("UPDATE observation SET audit = ?", (True,))
        assert adapted == [True]
