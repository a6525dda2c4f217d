"""Requests as nobody should send them, by three ways and with both engines: no failure, no hang, no echo."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import httpx

from service.security.entries import Entry
from tests.prove import broken_requests, documented, odd_texts
from tests.prove.judge import Verdict, log_faults
from tests.savedmodels import publish_saved_model
from tests.system.server import Server, serving
from tests.versions import publish_version

KEY = "nunchi_fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz"
_QUICK = {
    "NUNCHI_HEADER_TIMEOUT_S": "1",
    "NUNCHI_BODY_TIMEOUT_S": "1",
    "NUNCHI_KEEP_ALIVE_S": "1",
    "NUNCHI_ANSWER_TIMEOUT_S": "2",
}
"""Who waits for a client that sends half a request waits no longer than that, so that thousands can be tried."""


class Size(NamedTuple):
    """How many requests of each kind, for each engine."""

    documented: int
    texts: int
    raw: int


SMALL, FULL = Size(300, 1_000, 300), Size(10_000, 100_000, 5_000)


class Found(NamedTuple):
    """What one engine made of it: what became of each kind of request, and what its log says."""

    engine: str
    verdicts: Sequence[Verdict]
    log: Sequence[str]

    @property
    def faults(self) -> Counter[str]:
        """Everything that is not as it should be."""
        found = Counter(self.log)
        for verdict in self.verdicts:
            found.update(verdict.faults)
        return found


def prove(size: Size, directory: Path, engine: str = "onnx", module: str = "service", number: int = 1) -> Found:
    """Send everything to a service with one engine.

    Args:
        size: how much.
        directory: an empty one.
        engine: `onnx` or `tensorflow`.
        module: which is started; the service itself, unless something else is to be tried.
        number: other requests for another number.
    """
    with _service(directory, engine, module) as server:
        port = int(server.url.rpartition(":")[2])
        verdicts = [
            asyncio.run(broken_requests.send_all(port, KEY, size.raw, number)),
            odd_texts.send_all(port, KEY, size.texts, number),
            documented.send_all(server.url, KEY, size.documented, number),
        ]
        alive = httpx.get(f"{server.url}/health/ready", timeout=30).status_code
        log = log_faults(server.log) if alive == httpx.codes.OK else ["it is not ready any more"]
    return Found(engine, verdicts, log)


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    lines: list[str] = []
    for engine in ("onnx", "tensorflow"):
        with tempfile.TemporaryDirectory() as directory:
            lines += _rows(prove(size, Path(directory), engine))
    with tempfile.TemporaryDirectory() as directory:
        control = prove(SMALL, Path(directory), module="tests.prove.faulty")
    return "\n".join(
        [
            "## Hostile requests",
            "",
            "For each engine, from a seed: requests that are hardly HTTP, on raw sockets; texts of all Unicode, halves "
            "of characters, NUL and 6,000 characters among them; and what schemathesis makes of the page "
            "`/openapi.json`, by it and against it. Every request is judged: 5xx, a hang, anything of it in an error "
            "or in the log is a fault, as is whatever the page does not promise.",
            "",
            "| engine | requests | answers | not as it should be |",
            "|---|---|---|---|",
            *lines,
            "",
            f"With an echo, a 500 and an undocumented status put in: {len(control.faults)} kinds of faults found.",
        ]
    )


def _rows(found: Found) -> Iterator[str]:
    for verdict in found.verdicts:
        statuses = ", ".join(
            f"{count:,} x {status or 'none'}" for status, count in sorted(verdict.statuses.items()) if count
        )
        faults = "; ".join(f"{fault} ({count})" for fault, count in verdict.faults.items()) or "0"
        yield f"| {found.engine} | {verdict.requests:,}, {verdict.kind} | {statuses} | {faults} |"
    yield f"| {found.engine} | its log | | {'; '.join(found.log) or '0'} |"


@contextmanager
def _service(directory: Path, engine: str, module: str) -> Iterator[Server]:
    """Serve one small model, for which an experiment is declared, to callers with a key."""
    store = directory / "store"
    publish_saved_model(store) if engine == "tensorflow" else publish_version(store)
    scopes = ("predict", "feedback", "admin", "metrics")
    digest = sha256(KEY.encode()).hexdigest()
    entry = Entry(name="fuzz", sha256=digest, scopes=scopes, created="2026-01-01T00:00:00Z")  # type: ignore[arg-type]
    (directory / "keys.json").write_text(json.dumps({"keys": [entry.model_dump(mode="json")]}), encoding="utf-8")
    settings = {**_QUICK, "NUNCHI_ENGINE": engine, "NUNCHI_API_KEYS_FILE": str(directory / "keys.json")}
    with serving(store, None, True, module, **settings) as server:
        yield server
