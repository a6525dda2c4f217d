"""The process as a whole: start, answer, stop."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.system.server import ROOT, Server, serving
from tests.versions import publish_version

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("serve") / "models"
    publish_version(store, "gru")
    publish_version(store, "rnn")
    return store


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Server]:
    with serving(store) as server:
        yield server


def test_it_answers_and_ends_when_told_to(store: Path) -> None:
    with serving(store) as server:
        answer = httpx.post(f"{server.url}/predict", json={"text": "영화 좋았어요", "model": "rnn"})
        assert answer.json()["model"] == "rnn"
        assert "server" not in answer.headers
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
    lines = [json.loads(line) for line in server.log.read_text(encoding="utf-8").splitlines()]
    events = [line["event"] for line in lines]
    assert "all_loaded" in events
    assert events.count("model_unloaded") == 2
    assert not [line for line in lines if line["level"] == "error"]


def test_requests_that_were_accepted_are_answered_although_it_is_told_to_stop(store: Path) -> None:
    batch = {"texts": ["영화 정말 좋았어요 " * 30] * 1024}
    with serving(store) as server, ThreadPoolExecutor(8) as pool, httpx.Client(timeout=30) as client:
        client.get(f"{server.url}/health/live")
        asked = [pool.submit(client.post, f"{server.url}/predict/batch", json=batch) for _ in range(3)]
        pending = 'sentiment_pending_requests{model="gru",version="1"} 0.0'
        while pending in httpx.get(f"{server.url}/metrics").text and not all(item.done() for item in asked):
            pass
        server.process.send_signal(signal.SIGTERM)
        accepted = [item.result() for item in asked if item.exception() is None]
        assert accepted
        assert {answer.status_code for answer in accepted} <= {200}
        server.process.wait(15)


@pytest.mark.parametrize(
    "head",
    [b"G(T /models HTTP/1.1\r\n", b"POST /predict HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n"],
    ids=["a method that is no token", "lengths that contradict each other"],
)
def test_what_is_not_even_http_gets_a_problem_too(server: Server, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 5) as connection:
        connection.sendall(head + b"Host: test\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in answer


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/models", "/metrics"])
def test_head_is_answered_without_a_body(server: Server, path: str) -> None:
    with httpx.Client(base_url=server.url) as client:
        answers = [client.head(path) for _ in range(2)]  # a body would be taken for the second answer
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 2


def test_a_default_model_that_is_refused_keeps_the_process_up_and_not_ready(tmp_path: Path) -> None:
    (tmp_path / "gru" / "1").mkdir(parents=True)
    with serving(tmp_path, log=tmp_path / "log", ready=False) as server:
        refused = first_answer(f"{server.url}/health/ready")
        for _ in range(100):
            if "loading" not in refused.text:
                break
            time.sleep(0.05)
            refused = httpx.get(f"{server.url}/health/ready")
        assert refused.status_code == 503
        assert refused.json()["detail"].startswith("the default model gru/1 is refused: no readable manifest")
        assert httpx.get(f"{server.url}/health/live").status_code == 200


def first_answer(url: str) -> httpx.Response:
    """Ask until somebody listens."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"nobody answers at {url}")


def test_a_port_that_is_taken_is_the_last_thing_said(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        environment = {"NUNCHI_MODEL_STORE": str(store), "NUNCHI_PORT": str(other.getsockname()[1])}
        command = [sys.executable, "-m", "service", "serve"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 2
    assert "Address already in use; set NUNCHI_PORT" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("NUNCHI_PROT", "1", "NUNCHI_PORT"),
        ("NUNCHI_MODEL_STORE", "/nowhere", "NUNCHI_MODEL_STORE"),
        ("NUNCHI_MODEL_STORE", "docs", "there is no model version in docs"),
        ("NUNCHI_DEFAULT_MODEL", "grub", "the nearest known one is gru"),
    ],
)
def test_what_stops_the_start_is_said_in_one_line(name: str, value: str, said: str) -> None:
    command = [sys.executable, "-m", "service", "serve"]
    done = subprocess.run(command, cwd=ROOT, env={name: value}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.tensorflow
def test_a_gpu_that_is_not_there_stops_the_start_in_one_clear_line(store: Path) -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    command = [sys.executable, "-m", "service", "serve"]
    environment = {"NUNCHI_DEVICE": "gpu", "NUNCHI_MODEL_STORE": str(store)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "NUNCHI_DEVICE=gpu, but TensorFlow finds no GPU" in done.stderr.splitlines()[-1]
