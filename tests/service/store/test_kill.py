import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import select

from service.store.database import open_database
from service.store.tables import LABEL
from tests.service.store.observations import an_id

pytestmark = pytest.mark.system

_AT_ONCE = 8


def kill_while_labels_flow(url: str, kind: str, acknowledged_at_least: int) -> set[str]:
    """Return the labels that a process acknowledged before it was killed."""
    command = [sys.executable, "-m", "tests.service.store.labelling", url, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(acknowledged_at_least)]
        process.kill()
        lines += process.stdout.readlines()
    assert all(lines), "the process ended of itself"
    return {an_id(int(line)) for line in lines if line.endswith("\n")}


def stored(url: str) -> list[str]:
    with closing(open_database(url)) as database, database.read() as connection:
        return list(connection.execute(select(LABEL.c.prediction_id)).scalars())


def test_labels_that_were_acknowledged_survive_kill_9(url: str) -> None:
    acknowledged: set[str] = set()
    for run in range(1, 4):
        acknowledged |= kill_while_labels_flow(url, "patient", 100 * run)
        there = stored(url)
        assert len(there) == len(set(there))
        assert acknowledged <= set(there)
        assert len(set(there) - acknowledged) <= run * _AT_ONCE  # committed, and killed before saying so


def test_acknowledging_before_the_commit_would_be_found_out(url: str) -> None:
    for _ in range(5):
        if not kill_while_labels_flow(url, "hasty", 500) <= set(stored(url)):
            return
    pytest.fail("nothing was lost although nothing was waited for")
