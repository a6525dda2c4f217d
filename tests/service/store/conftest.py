from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.database import Database, open_database
from tests.service.store.postgresql import Server, running_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty store: every test that asks for it runs with each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/nunchi.db"
    server: Server = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()
