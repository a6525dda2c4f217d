"""Versions change in real processes: under load, in several workers, and while the process is told to stop."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.prove import swaps
from tests.service.versions.test_prover import endless, with_graph
from tests.system.server import serving
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.system

CONTROL = swaps.Size(1, 100, 0.2)


def test_versions_that_change_under_load_fail_no_request_and_mix_no_answer(tmp_path: Path) -> None:
    found = swaps.prove(swaps.SMALL, tmp_path)
    assert found.steady.failed + found.swapping.failed == 0
    assert found.mixed == 0
    assert found.versions == swaps.SMALL.swaps + 1
    assert found.dropped


def test_a_gap_between_two_versions_would_be_found(tmp_path: Path) -> None:
    assert swaps.prove(CONTROL, tmp_path, "gap").swapping.failed


def test_answers_that_mix_versions_would_be_found(tmp_path: Path) -> None:
    assert swaps.prove(CONTROL, tmp_path, "mixture").mixed


def test_an_alias_that_is_moved_in_one_worker_moves_in_the_other_and_is_there_after_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "models"
    for seed in (1, 1, 3):
        publish_version(store, shape=Shape(seed=seed))
    request = {"text": "영화 좋았어요", "model": "gru"}

    def answered(url: str, times: int = 12) -> set[int]:
        found = set()
        for _ in range(times):  # a connection each, so that both workers are asked
            found.add(httpx.post(f"{url}/predict", json=request, timeout=30).json()["version"])
        return found

    with serving(store, NUNCHI_WORKERS="2") as server:
        until(lambda: answered(server.url) == {3})
        moved = httpx.put(f"{server.url}/models/gru/aliases/stable", json={"version": 1, "force": True}, timeout=60)
        assert moved.json()["answering"] == 1
        until(lambda: answered(server.url) == {1})
    with serving(store) as server:
        assert answered(server.url, 2) == {1}


def test_a_process_that_is_told_to_stop_while_it_proves_a_version_ends_in_time_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    store = tmp_path / "models"
    publish_version(store, shape=Shape(seed=1))
    with serving(store) as server:
        with_graph(store, endless())
        until(lambda: "loading" in httpx.get(f"{server.url}/models").text)
        [prover] = children(server.process.pid)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
        assert time.monotonic() - started < 20
        until(lambda: not Path(f"/proc/{prover}").exists())
        assert "Application shutdown complete" in server.log.read_text(encoding="utf-8")


def children(parent: int) -> list[int]:
    """Return the processes that a process has started."""
    found = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for path in found for pid in path.read_text(encoding="ascii").split()]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
