"""The measurements run from end to end; what they find on a busy machine is nobody's business."""

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bench.connection import message
from bench.findings import Bar, Spread
from bench.open_loop import OpenLoop, poisson
from bench.texts import reviews
from tests.system.server import ROOT

pytestmark = pytest.mark.system


def test_the_service_and_the_empty_endpoint_are_measured_and_written_down(shipped_store: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", f"--store={shipped_store}", f"--out={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(("| nunchi", "| empty FastAPI"))]
    assert [row[0] for row in rows] == ["| nunchi", "| empty FastAPI endpoint"] * 2
    assert {row[6].strip(" |") for row in rows} == {"0"}, "no request failed, in either loop"
    assert (tmp_path / "results.png").stat().st_size > 0


def test_an_unknown_part_is_refused_before_anything_is_measured() -> None:
    command = [sys.executable, "-m", "bench", "--only", "htttp"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "unknown: htttp; there are http" in done.stderr


def test_a_request_that_waits_for_a_stalled_server_is_late_from_the_moment_at_which_it_was_due() -> None:
    with stalling_server(after=20, stall_s=0.6) as port:
        due_s = [number / 100 for number in range(100)]
        found = OpenLoop(port, [message("/", port, b"{}")], due_s).run()
    assert (found.requests, found.errors) == (100, 0)
    assert found.p99_ms > 500
    assert found.p50_ms > 50, "one request met the stall, but sixty were due while it lasted"


def test_requests_that_get_no_answer_are_counted_and_infinitely_late() -> None:
    with stalling_server(after=3, stall_s=0.1, status=b"500 Oops") as port:
        found = OpenLoop(port, [message("/", port, b"{}")], [0.0, 0.01, 0.02]).run()
    assert found.errors == 3
    assert found.p50_ms == float("inf")


def test_poisson_arrivals_come_at_the_rate_that_was_asked_for_and_are_irregular() -> None:
    moments = poisson(1000, 10, seed=1)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert len(moments) == pytest.approx(10_000, rel=0.05)
    assert statistics.pstdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05), "as exponential gaps have it"


@pytest.mark.parametrize(("median", "verdict"), [(0.9, "missed"), (1.0, "must"), (1.5, "aim")])
def test_a_bar_is_judged_by_the_median(median: float, verdict: str) -> None:
    assert Bar("", 1, 1.5, "x", Spread(median, 0, 9)).verdict == verdict
    assert Bar("", -1, -1.5, "x", Spread(-median, -9, 0), at_least=False).verdict == verdict


def test_made_up_reviews_all_differ_and_are_the_same_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUNCHI_DATA_DIR", raising=False)
    texts, source = reviews(1000)
    assert len(texts) == len(set(texts)) == 1000
    assert texts == reviews(1000)[0]
    assert "made up" in source


@contextmanager
def stalling_server(after: int, stall_s: float, status: bytes = b"200 OK") -> Iterator[int]:
    """Answer one request at a time, at once, but for one; give the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal after
        while await reader.read(4096):
            after -= 1
            if not after:
                time.sleep(stall_s)  # noqa: ASYNC251 - the whole server stalls
            writer.write(b"HTTP/1.1 %s\r\ncontent-length: 2\r\n\r\n{}" % status)
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port: int = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
