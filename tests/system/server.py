"""Starts the real service as its own process, for tests that need one."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
READY_S = 240
"""Enough for TensorFlow to compile every shape of several versions on a busy machine."""


@dataclass(frozen=True)
class Server:
    """A service that is running.

    Attributes:
        url: where it answers.
        process: to send signals to.
        log: its standard error, one JSON object per line.
    """

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rsplit(":", 1)[1])

    def wait_until_ready(self, seconds: float = READY_S) -> None:
        """Return once it is ready; fail with its log if it ends or takes longer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the service is not ready:\n{self.log.read_text(encoding='utf-8')}")

    def wait_until_loaded(self, seconds: float = READY_S) -> None:
        """Return once no version is loading any more: readiness waits for the default model only."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            models = httpx.get(f"{self.url}/models", timeout=5).json()["models"]
            if all(model["state"] != "loading" for model in models):
                return
            time.sleep(0.05)
        raise AssertionError("a version is still loading")


@contextmanager
def serving(
    store: Path, log: Path | None = None, ready: bool = True, module: str = "service", **settings: str
) -> Iterator[Server]:
    """Serve `store` on a free port until the block ends.

    Args:
        store: directory of the versions.
        log: file for its standard error; beside the store if None.
        ready: whether to wait for it.
        module: what is run; another than the service is one that changes it.
        settings: further settings, such as NUNCHI_ENGINE="onnx".
    """
    log = log or store.parent / f"service-{time.monotonic_ns()}.log"
    port = free_port()
    state = store.parent / "state"
    own = {
        "NUNCHI_MODEL_STORE": str(store),
        "NUNCHI_PORT": str(port),
        "NUNCHI_SECRET_FILE": str(state / "secret"),
        "NUNCHI_VERSIONS_FILE": str(state / "versions.json"),
        "NUNCHI_STORE": f"sqlite:///{state / 'nunchi.db'}",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUNCHI_")}
    with log.open("wb") as stderr:
        command = [sys.executable, "-m", module, "serve"]
        process = subprocess.Popen(command, cwd=ROOT, env={**inherited, **own, **settings}, stderr=stderr)
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        if ready:
            server.wait_until_ready()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
