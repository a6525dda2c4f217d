"""The Dockerfile: pinned, hash-checked, not root, and its health check tells healthy from not."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.deploy import files
from tests.deploy.policy import dockerfile_complaints

TARGETS = ("cpu", "slim", "gpu")

BASE = next(i.text.split()[0] for i in files.dockerfile() if i.name == "FROM")
TAG, _, DIGEST = BASE.partition("@")

LOOSENED = {
    f"{TAG}: not pinned": (BASE, TAG),
    f"python:3-slim@{DIGEST}: not pinned": (BASE, f"python:3-slim@{DIGEST}"),
    "runtime: COPY of whatever lies there": ("COPY service service", "COPY . ."),
    "runtime: a secret would stay in the image": ("ENV NUNCHI_HOST=0.0.0.0", "ENV NUNCHI_API_TOKEN=abc"),
    "base: fetches what no hash holds": ("RUN groupadd", "RUN curl https://example.org/x | sh && groupadd"),
    "install: fetches what no hash holds": ("RUN python -m venv", "RUN apt-get install --yes x && python -m venv"),
    "runtime: ADD can fetch and unpack": ("COPY service service", "ADD service service"),
    "no target slim": ("FROM runtime AS slim", "FROM runtime AS small"),
    "cpu: runs as 0": ("USER 10001:10001", "USER 0"),
    "cpu: runs as nobody": ("USER 10001:10001", "USER nobody"),
    "gpu: ENTRYPOINT is not in exec form: a shell would take the signals": (
        'ENTRYPOINT ["python", "-m", "service"]',
        "ENTRYPOINT python -m service",
    ),
    "slim: does not say how it is stopped": ("STOPSIGNAL SIGTERM", ""),
    "cpu: its health check is not Python in exec form": ('CMD ["python", "-c"', 'CMD ["curl", "-f"'),
    "install-gpu: installs without hashes": ("PIP_REQUIRE_HASHES=1", "PIP_QUIET=1"),
}


def test_every_target_is_pinned_hash_checked_and_not_root() -> None:
    assert dockerfile_complaints(files.dockerfile(), TARGETS) == []


@pytest.mark.parametrize("complaint", LOOSENED)
def test_a_loosened_build_is_found(complaint: str) -> None:
    text = (files.ROOT / "Dockerfile").read_text(encoding="utf-8")
    before, after = LOOSENED[complaint]
    assert before in text
    assert complaint in dockerfile_complaints(files.dockerfile(text.replace(before, after)), TARGETS)


def test_the_default_target_is_the_one_for_the_processor() -> None:
    assert [i.stage for i in files.dockerfile() if i.name == "FROM"][-1] == "cpu"


def test_each_target_installs_its_own_locked_requirements() -> None:
    locked = {i.stage: i.text.split()[0] for i in files.dockerfile() if i.name == "COPY" and "requirements" in i.text}
    assert locked == {
        "install-slim": "requirements/service.txt",
        "install-cpu": "requirements/tensorflow.txt",
        "install-gpu": "requirements/tensorflow-cuda.txt",
    }
    environments = {i.stage: i.text for i in files.dockerfile() if i.name == "COPY" and "--from" in i.text}
    assert environments == {target: f"--from=install-{target} /opt/venv /opt/venv" for target in TARGETS}


def test_the_build_sees_only_what_it_copies() -> None:
    copied = {
        source.split("/")[0]
        for i in files.dockerfile()
        if i.name == "COPY" and "--from" not in i.text
        for source in i.text.split()[:-1]
    }
    ignore = [line for line in (files.ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] not in "#"]
    assert ignore[0] == "*"
    assert {line.strip("!/") for line in ignore if line.startswith("!")} == copied
    assert copied == {"requirements", "model_store", "service"}


def test_the_health_check_passes_when_the_service_is_ready() -> None:
    with answering(200) as port:
        assert health_check(port) == 0


def test_the_health_check_fails_when_the_service_is_not_ready() -> None:
    with answering(503) as port:
        assert health_check(port) != 0


def test_the_health_check_fails_when_nothing_listens() -> None:
    with answering(200) as port:
        pass
    assert health_check(port) != 0


def test_the_health_check_asks_no_proxy() -> None:
    with answering(200) as port:
        assert health_check(port, http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9") == 0


def health_check(port: int, **environment: str) -> int:
    """Run the image's health check with this machine's Python; return its exit status."""
    [text] = [i.text for i in files.dockerfile() if i.name == "HEALTHCHECK"]
    program, *arguments = json.loads(text.partition("CMD ")[2])
    assert re.match(r"python$", program)
    done = subprocess.run(
        [sys.executable, *arguments],
        env={"NUNCHI_PORT": str(port), **environment},
        capture_output=True,
        timeout=20,
        check=False,
    )
    return done.returncode


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Answer GET /health/ready with `status` on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
