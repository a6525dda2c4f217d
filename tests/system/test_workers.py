"""Several workers on one port: they count as one, replace each other, follow the store, and stop together."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.ledger import SharedLedger
from tests.system.server import ROOT, Server, serving
from tests.versions import Shape, publish_version

pytestmark = pytest.mark.system

REQUEST = {"text": "배우 연기가 정말 좋았어요", "model": "gru"}
GRU = 'sentiment_requests_total{model="gru",version="1"}'
HTTP = (
    "http_server_request_duration_seconds_count"
    '{http_request_method="POST",http_response_status_code="200",http_route="/predict"}'
)
LOADED = 'sentiment_model_loaded{model="gru",version="1"}'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "models"
    publish_version(store, "gru")
    publish_version(store, "rnn")
    return store


@contextmanager
def two_workers(store: Path) -> Iterator[Server]:
    """Serve with two workers, both of which take connections."""
    with serving(store, NUNCHI_WORKERS="2", NUNCHI_MODEL_STORE=str(store), TMPDIR=str(store.parent)) as server:
        until(lambda: len(workers(server)) == 2 and metric(server, LOADED) == 1)
        time.sleep(0.3)
        yield server


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def workers(server: Server) -> list[int]:
    """Return the ids of the workers' processes."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in children.read_text(encoding="ascii").split()]


def samples(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def sample(server: Server) -> dict[str, float]:
    with httpx.Client(base_url=server.url) as client:
        return samples(client)


def metric(server: Server, name: str) -> float | None:
    return sample(server).get(name)


def holder(client: httpx.Client, server: Server) -> int:
    """Return which worker has the connection of a client that was used already."""
    [stream] = [connection for connection in client._transport._pool.connections]  # type: ignore[attr-defined]
    port = stream._connection._network_stream.get_extra_info("client_addr")[1]
    ours = int(server.url.rsplit(":", 1)[1])
    [inode] = [
        fields[9]
        for fields in map(str.split, Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
        if fields[1].endswith(f":{ours:04X}") and fields[2].endswith(f":{port:04X}")
    ]
    [pid] = [pid for pid in workers(server) if f"socket:[{inode}]" in links(pid)]
    return pid


def links(pid: int) -> set[str]:
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(path))
        except OSError:
            continue
    return found


@contextmanager
def connected(server: Server) -> Iterator[list[httpx.Client]]:
    """Give a client for each worker, whose connection stays with it until the block ends."""
    with ExitStack() as stack:
        found: dict[int, httpx.Client] = {}
        for _ in range(40):
            client = stack.enter_context(httpx.Client(base_url=server.url, timeout=30))
            client.get("/health/live")
            found[holder(client, server)] = client
            if len(found) == 2:
                break
        assert len(found) == 2
        yield list(found.values())


def test_connections_and_requests_are_spread_and_the_sum_is_exact_whichever_worker_is_asked(store: Path) -> None:
    with two_workers(store) as server:
        clients = [httpx.Client(base_url=server.url) for _ in range(16)]
        for client in clients:
            assert client.post("/predict", json=REQUEST).status_code == 200
        shares = Counter(holder(client, server) for client in clients)
        assert min(shares.values()) >= 6, shares
        for round_number in range(10):
            for client in clients:
                assert client.post("/predict", json=REQUEST).status_code == 200
            found = [samples(client) for client in clients]
            assert {page[GRU] for page in found} == {16 * (round_number + 2)}
            assert {page[HTTP] for page in found} == {16 * (round_number + 2)}
        for client in clients:
            client.close()


def test_with_the_sum_switched_off_each_worker_would_show_its_own_part(store: Path) -> None:
    """The negative control: what one worker alone counted is less than all of them did."""
    with two_workers(store) as server, connected(server) as clients:
        for client in clients:
            for _ in range(5):
                client.post("/predict", json=REQUEST)
        [directory] = store.parent.glob("nunchi-*")
        reader = SharedLedger(directory, 1000)
        own = [
            entry.cells[1]
            for page in reader.read()
            for entry in page.entries
            if entry.series.name == "sentiment_requests_total" and entry.series.labels == ("gru", "1")
        ]
        assert own == [5, 5]
        assert metric(server, GRU) == 10


class Load:
    """Clients that ask until told to stop, and what came of it."""

    def __init__(self, server: Server, clients: int = 8) -> None:
        self.answers: Counter[int] = Counter()
        self.failures = 0
        self.versions: Counter[int] = Counter()
        self._server = server
        self._stop = Event()
        self._pool = ThreadPoolExecutor(clients)
        self._futures: list[Future[None]] = [self._pool.submit(self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=20) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/predict", json=REQUEST)
                except httpx.TransportError:
                    self.failures += 1
                else:
                    self.answers[answer.status_code] += 1
                    if answer.status_code == 200:
                        self.versions[answer.json()["version"]] += 1

    def __enter__(self) -> "Load":
        until(lambda: self.answers[200] > 50)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for future in self._futures:
            future.result()


def test_a_worker_that_is_killed_costs_no_more_than_what_it_had_in_hand_and_nothing_that_was_counted(
    store: Path,
) -> None:
    kills, clients = 5, 8
    with two_workers(store) as server, Load(server, clients) as load:
        [directory] = store.parent.glob("nunchi-*")
        seen = 0.0
        for _ in range(kills):
            before = workers(server)
            os.kill(before[0], signal.SIGKILL)
            killed = time.monotonic()
            until(lambda: len(set(workers(server)) - set(before)) == 1)  # noqa: B023 - within the round
            assert time.monotonic() - killed < 1
            complete = False
            while not complete:
                now = sample(server)
                assert now[GRU] >= seen
                seen, complete = now[GRU], now[LOADED] == 1 and len(list(directory.iterdir())) == 7
        load.__exit__()
        assert set(load.answers) == {200}
        assert load.failures <= kills * clients
        assert load.answers[200] <= (metric(server, GRU) or 0) <= load.answers[200] + load.failures
        assert metric(server, "sentiment_worker_restarts_total") == kills


def test_versions_that_come_and_go_reach_both_workers_and_fail_no_request(store: Path) -> None:
    with two_workers(store) as server, connected(server) as clients, Load(server) as load:
        publish_version(store, "gru", Shape(seed=2))

        def versions() -> set[int]:
            return {client.post("/predict", json=REQUEST).json()["version"] for client in clients}

        started = time.monotonic()
        until(lambda: versions() == {2}, 5)
        assert time.monotonic() - started < 5
        assert metric(server, LOADED.replace('"1"', '"2"')) == 1
        shutil.rmtree(store / "gru" / "2")
        until(lambda: versions() == {1}, 5)
        load.__exit__()
        assert set(load.answers) == {200}
        assert load.failures == 0
        assert set(load.versions) == {1, 2}


def test_everything_that_was_accepted_is_answered_although_all_are_told_to_stop(store: Path) -> None:
    body = json.dumps(REQUEST).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    with two_workers(store) as server, ExitStack() as stack:
        address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        connections = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(8)]
        for connection in connections:
            connection.sendall(head + body[:-1])
        until(lambda: metric(server, 'http_server_active_requests{http_request_method="POST"}') == 8)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 10)
        assert server.process.poll() is None
        for connection in connections:
            connection.sendall(body[-1:])
            assert connection.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
        assert server.process.wait(15) == 0
    assert not list(store.parent.glob("nunchi-*"))


def test_with_its_supervisor_killed_no_worker_stays(store: Path) -> None:
    with two_workers(store) as server:
        pids = workers(server)
        server.process.kill()
        until(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()], 10)
    assert not list(store.parent.glob("nunchi-*"))


def test_a_port_that_is_taken_and_a_store_that_is_empty_are_told_in_one_line(store: Path, tmp_path: Path) -> None:
    def start(**settings: str) -> subprocess.CompletedProcess[str]:
        environment = {"NUNCHI_WORKERS": "3", "NUNCHI_PORT": "0", **settings}
        command = [sys.executable, "-m", "service", "serve"]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    with two_workers(store) as server:
        taken = start(NUNCHI_PORT=server.url.rsplit(":", 1)[1], NUNCHI_MODEL_STORE=str(store))
    (tmp_path / "empty").mkdir()
    empty = start(NUNCHI_MODEL_STORE=str(tmp_path / "empty"))
    for done, said in ((taken, "set NUNCHI_PORT to another one"), (empty, "NUNCHI_MODEL_STORE: there is no model")):
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_prometheus_can_read_the_sum(store: Path) -> None:
    with two_workers(store) as server:
        text = httpx.get(f"{server.url}/metrics").text
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples]
    assert len(series) == len(set(series))
    assert re.search(r"^process_resident_memory_bytes \d", text, re.MULTILINE)
