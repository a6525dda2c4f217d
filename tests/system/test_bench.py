"""The measurements run from end to end; what they find on a busy machine is nobody's business."""

import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from bench.connection import message
from bench.experiments_part import Dropped
from bench.findings import Bar, Spread
from bench.open_loop import OpenLoop, poisson
from bench.processes import spent_us, thread_times_ns
from bench.running import Running
from bench.servers import service
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


def test_the_processor_time_of_a_process_is_that_of_all_its_threads() -> None:
    def compute(seconds: float) -> None:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass

    def compute_and_stay() -> None:
        compute(0.1)
        done.wait()

    done = threading.Event()
    thread = threading.Thread(target=compute_and_stay)
    before = thread_times_ns([os.getpid()])
    thread.start()
    compute(0.1)
    while (used_us := spent_us(before, thread_times_ns([os.getpid()]))) < 190_000:
        time.sleep(0.01)
    done.set()
    thread.join()
    assert used_us == pytest.approx(200_000, rel=0.2)


def test_shadows_that_were_dropped_are_counted_once_nothing_is_on_its_way() -> None:
    given = iter([_counts(10, 0, 0), _counts(90, 20, 5), _counts(95, 20, 5)])
    last = _counts(95, 20, 5)

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(next(given, last).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        dropped = Dropped("three", 2)
        where = Running("", server.server_port, 0, 0.0)
        dropped.look(service("another"), where)
        dropped.look(service("three"), where)
        server.shutdown()
        thread.join()
    assert dropped.percents == [100 * (20 + 2 * 5) / (2 * (95 + 5))]


def _counts(written: int, dropped: int, lost: int) -> str:
    """Return what GET /metrics says, texts of two arms and reasons."""
    return f"""# TYPE sentiment_assignments_total counter
sentiment_assignments_total{{experiment="e",arm="a",reason="hash"}} {written - 4}.0
sentiment_assignments_total{{experiment="e",arm="b",reason="hash"}} 4.0
sentiment_shadow_dropped_total{{experiment="e",arm="a",reason="dropped"}} {dropped}.0
sentiment_shadow_dropped_total{{experiment="e",arm="b",reason="not_ready"}} 0.0
sentiment_observations_lost_total {lost}.0
"""


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
