"""Keys as callers of real processes see them: several workers, and a file that changes while they run."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.system.server import ROOT, Server, serving
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.system


def keys(*arguments: str) -> str:
    command = [sys.executable, "-m", "service", "keys", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def limited(file: Path) -> str:
    return keys(
        "create", "--name", "team-a", "--scopes", "predict", "--limit", "1/min", "--burst", "40", "--file", str(file)
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, file: Path, limited: str) -> Iterator[Server]:
    store = tmp_path_factory.mktemp("keys") / "store"
    publish_version(store, "gru", Shape())
    with serving(store, NUNCHI_WORKERS="2", NUNCHI_API_KEYS_FILE=str(file)) as server:
        yield server


def status(server: Server, key: str) -> int:
    """Ask on a connection of its own."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{server.url}/predict", json={"text": "좋아요"}, headers=headers, timeout=30).status_code


def test_workers_share_what_a_key_has_left(server: Server, limited: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: status(server, limited), range(80)))
    assert 40 <= answers.count(200) <= 42  # a text a minute flows in; two taken in the same instant may count as one
    assert answers.count(200) + answers.count(429) == 80


def test_a_key_is_good_soon_after_it_was_made_and_no_longer_after_it_was_revoked(server: Server, file: Path) -> None:
    made = keys("create", "--name", "team-b", "--scopes", "predict", "--file", str(file))
    assert settled(server, made) == 200
    keys("revoke", "team-b", "--file", str(file))
    assert settled(server, made) == 401
    assert made not in server.log.read_text(encoding="utf-8")


def settled(server: Server, key: str) -> int:
    """Return the answer once every worker has had time to look at the file: ten answers in turn are the same."""
    seen: list[int] = []
    end = time.monotonic() + 30
    while len(seen) < 10 or len(set(seen[-10:])) > 1 or time.monotonic() < end - 27:
        assert time.monotonic() < end, seen
        seen.append(status(server, key))
        time.sleep(0.05)
    return seen[-1]
