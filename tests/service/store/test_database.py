import json
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

from service.errors import StartError
from service.experiments.observation import Observation, Outcome
from service.store import migrations
from service.store.database import Database, open_database
from service.store.reading import read_phase
from service.store.tables import METADATA, OBSERVATION
from tests.service.store.postgresql import Server

_OPEN = """
import sys, time
from service.store.database import open_database
time.sleep(max(0, float(sys.argv[2]) - time.time()))
open_database(sys.argv[1]).close()
"""


def test_migrations_lead_to_the_tables_that_the_code_works_with(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_newest_revision_is_the_last_that_is_there() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == migrations.NEWEST


def test_what_was_written_is_there_when_the_store_is_opened_again(url: str) -> None:
    for expected in (1, 2):
        with closing(open_database(url)) as database:
            with database.write() as connection:
                connection.execute(text("INSERT INTO label VALUES (:n, :n, 'gold', 'positive', 1)"), {"n": expected})
            with database.read() as connection:
                assert connection.execute(text("SELECT count(*) FROM label")).scalar() == expected


def test_current_tables_are_opened_without_alembic(url: str) -> None:
    open_database(url).close()
    code = "import sys; exec(sys.stdin.read()); assert 'alembic' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, url, "0"], input=_OPEN, text=True, check=False)
    assert done.returncode == 0


@pytest.mark.system
def test_several_processes_may_open_a_new_store_at_once(url: str) -> None:
    start_at = str(time.time() + 2)
    processes = [
        subprocess.Popen([sys.executable, "-c", _OPEN, url, start_at], stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, errors
    with closing(open_database(url)) as database, database.read() as connection:
        assert migrations.current(connection) == migrations.NEWEST


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_opening_waits_for_whoever_holds_the_file(tmp_path: Path, lock: str) -> None:
    other = sqlite3.connect(tmp_path / "nunchi.db", isolation_level=None, check_same_thread=False)
    other.execute(f"BEGIN {lock}")
    threading.Timer(0.3, other.close).start()
    open_database(f"sqlite:///{tmp_path}/nunchi.db").close()


def test_store_of_newer_software_stops_the_start(url: str) -> None:
    with closing(open_database(url)) as database, database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartError, match=r"made by newer software .*9999"):
        open_database(url)


def test_interrupted_migration_leaves_nothing_in_the_way_of_the_next(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        migrations_upgrade(*_)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    migrations_upgrade = migrations.upgrade
    monkeypatch.setattr(migrations, "upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_database(url)
    monkeypatch.undo()
    with closing(open_database(url)) as database, database.read() as connection:
        assert connection.execute(select(func.count()).select_from(OBSERVATION)).scalar() == 0


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("state/nunchi.db", "is no URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://root@host/name", "begins with mysql"),
        ("postgresql+asyncpg://root@host/name", r"begins with postgresql\+asyncpg"),
        ("postgresql+psycopg://nunchi:hush@/name?host=/nowhere", "cannot be used: connection failed|cannot be used"),
    ],
)
def test_url_that_leads_nowhere_stops_the_start(url: str, reason: str) -> None:
    with pytest.raises(StartError, match=reason) as error:
        open_database(url)
    assert "hush" not in str(error.value)


def test_directory_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"directory of the store, .*file/state, cannot be made"):
        open_database(f"sqlite:///{tmp_path}/file/state/nunchi.db")


def test_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "nunchi.db").write_text("hello " * 1000)
    with pytest.raises(StartError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path}/nunchi.db")


def test_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "nunchi.db").mkdir()
    with pytest.raises(StartError, match="unable to open database file"):
        open_database(f"sqlite:///{tmp_path}/nunchi.db")


def test_directory_of_the_store_is_open_to_its_owner_only(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/state/nunchi.db").close()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_reader_sees_nothing_of_what_is_written_meanwhile(database: Database) -> None:
    count = text("SELECT count(*) FROM label")
    with database.read() as reader:
        assert reader.execute(count).scalar() == 0
        with database.write() as connection:
            connection.execute(text("INSERT INTO label VALUES (1, 'a', 'gold', 'positive', 1)"))
        assert reader.execute(count).scalar() == 0
    with database.read() as reader:
        assert reader.execute(count).scalar() == 1


def test_exception_rolls_back(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.execute(text("INSERT INTO label VALUES (1, 'a', 'gold', 'positive', 1)"))
            raise KeyError

    with pytest.raises(KeyError):
        write()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM label")).scalar() == 0


def test_commit_of_a_label_waits_for_the_disk_in_sqlite(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/nunchi.db")) as database:
        for durable, mode in ((True, 2), (False, 1), (True, 2)):  # FULL, NORMAL, FULL
            with database.write(durable=durable) as connection:
                assert connection.execute(text("PRAGMA synchronous")).scalar() == mode


@pytest.mark.postgresql
def test_restart_of_the_server_is_not_noticed_by_who_reads_next(postgresql: Server) -> None:
    with closing(open_database(postgresql.new_database())) as database:
        postgresql.disconnect_all()
        with database.read() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1


@pytest.mark.postgresql
def test_nobody_waits_for_ever_for_a_process_that_hangs(postgresql: Server) -> None:
    with closing(open_database(postgresql.new_database())) as database, database.read() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "10s"
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "1min"


def test_service_starts_without_loading_a_database() -> None:
    code = (
        "import sys, service.app, service.experiments.observation, service.store;"
        "assert not {'sqlalchemy', 'alembic', 'psycopg', 'sqlite3'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_observations_of_the_first_tables_are_read_as_they_were(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "NEWEST", "0001")
        with closing(open_database(url)) as database, database.write() as connection:
            connection.execute(text(_FIRST_ROW), _FIRST | {"outcomes": json.dumps(_FIRST_OUTCOMES)})
    with closing(open_database(url)) as database:
        [row] = read_phase(database, "gru-or-lstm", 2)
    outcomes = tuple(Outcome(**outcome) for outcome in _FIRST_OUTCOMES)  # type: ignore[arg-type]
    fields = {name: value for name, value in _FIRST.items() if name not in {"disagree", "repeated"}}
    assert row.observation == Observation(**fields, outcomes=outcomes)  # type: ignore[arg-type]
    assert (row.repeated, row.stripped) == (True, False)


_FIRST_OUTCOMES = [
    {"arm": "가", "model": "gru", "version": 1, "label": "긍정", "probabilities": [0.0712345643, 0.928765416],
     "latency_us": 512, "error": None},
    {"arm": "b", "model": "lstm", "version": 2, "label": None, "probabilities": [], "latency_us": None,
     "error": "dropped"},
]  # fmt: skip
_FIRST = {
    "prediction_id": "01900000-0000-7000-8000-000000000000-0123456789abcdef",
    "experiment": "gru-or-lstm",
    "phase": 2,
    "unit": "u",
    "text_hmac": "t",
    "text": "좋아요 'so' \\ \"so\"",
    "tokens": 7,
    "served_arm": "가",
    "reason": "hash",
    "audit": True,
    "created_at": 1795697309.7864478,
    "disagree": False,
    "repeated": True,
}
_FIRST_ROW = (
    f"INSERT INTO observation ({', '.join(_FIRST)}, outcomes) "
    f"VALUES ({', '.join(f':{name}' for name in _FIRST)}, :outcomes)"
)
