"""Starts a server as a process of its own, proves that it serves the right model, and stops it with all it started."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np

from bench.processes import family
from bench.servers import Server
from model_store.golden import TOLERANCE, GoldenExample, read_golden
from model_store.layout import GOLDEN, VersionRef

ROOT = Path(__file__).parents[1]
_START_S = 240
"""Enough for TensorFlow to compile every shape on a busy machine."""
_FIRST_REPORT = b"sentiment_experiment_evalue_threshold_log10{"
"""Of an experiment: shown once its first report is made, which takes a second; the next comes half a minute later."""

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "BENTOML_DO_NOT_TRACK": "True",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}


class CannotRunError(Exception):
    """A server cannot be measured here; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Attributes:
        url: that takes the POSTs.
        port: on 127.0.0.1.
        pid: of the process that was started; `family` finds the others.
        started_s: how long it took from the start of the process to the first right answer.
    """

    url: str
    port: int
    pid: int
    started_s: float


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started and may not answer yet."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: IO[bytes]
    moment: float
    """By `time.perf_counter`."""


@contextmanager
def started(server: Server, store: Path, version: VersionRef) -> Iterator[Started]:
    """Start a server, and end it and all that it started when the block ends.

    Raises:
        CannotRunError: if it is not installed.
    """
    if not find_spec(server.needs):
        raise CannotRunError(f"{server.needs} is not installed")
    port = _free_port()
    environment = _environment(server, store / version.name / str(version.version), port)
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", *server.arguments]
        moment = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield Started(process, port, log, moment)
        finally:
            _stop(process)


@contextmanager
def running(server: Server, store: Path, version: VersionRef) -> Iterator[Running]:
    """Run a server until the block ends; it answers, and gives the probabilities of the model.

    Raises:
        CannotRunError: if it is not installed, does not start, or gives other probabilities.
    """
    examples = read_golden(store / version.name / str(version.version) / GOLDEN)
    first = server.body(examples[0].text)
    with started(server, store, version) as begun:
        wait(begun, lambda: ask(begun.port, "/predict", first)[0] == 200)
        started_s = time.perf_counter() - begun.moment
        _compare(server, begun.port, examples)
        if "NUNCHI_EXPERIMENTS" in server.environment:
            wait(begun, lambda: b'"state":"running"' in ask(begun.port, "/experiments")[1])
            wait(begun, lambda: _FIRST_REPORT in ask(begun.port, "/metrics")[1])
        yield Running(f"http://127.0.0.1:{begun.port}/predict", begun.port, begun.process.pid, started_s)


def wait(begun: Started, ready: Callable[[], bool]) -> None:
    """Return once a server is ready.

    Raises:
        CannotRunError: if it ends, or takes too long; with the last line that it wrote.
    """
    while not ready():
        if begun.process.poll() is not None:
            raise CannotRunError(f"it ended at once: {_last_words(begun.log)}")
        if time.perf_counter() - begun.moment > _START_S:
            raise CannotRunError(f"it is not ready after {_START_S} s: {_last_words(begun.log)}")
        time.sleep(0.01)


def ask(port: int, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Ask once, POST if there is a body; return the status, 0 if nothing listens, and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def _environment(server: Server, version: Path, port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUNCHI_")}
    store = version.parent.parent.absolute()
    own = {"NUNCHI_PORT": str(port), "NUNCHI_MODEL_STORE": str(store), "NUNCHI_LOG_LEVEL": "warning"}
    own["NUNCHI_SECRET_FILE"] = str(Path(tempfile.gettempdir(), "nunchi-bench-secret"))
    own["NUNCHI_VERSIONS_FILE"] = str(Path(tempfile.gettempdir(), "nunchi-bench", "versions.json"))
    peers = {"BENCH_PORT": str(port), "BENCH_VERSION": str(version.absolute())}
    return {**inherited, **_QUIET, **own, **peers, **server.environment}


def _compare(server: Server, port: int, examples: Sequence[GoldenExample]) -> None:
    """Prove that a server gives the probabilities of the golden examples, if it gives any."""
    if server.scores is None:
        return
    for example in examples:
        status, answer = ask(port, "/predict", server.body(example.text))
        if status != 200:
            raise CannotRunError(f"it answers a golden example with {status}")
        given = server.scores(json.loads(answer))
        if np.abs(np.subtract(given, example.probabilities)).max() > TOLERANCE:
            raise CannotRunError("it does not give the probabilities of the model")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process, gently at first, and everything that it started."""
    members = family(process.pid)
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in members[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1].replace(str(ROOT), ".")[:200] if lines else "it said nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
