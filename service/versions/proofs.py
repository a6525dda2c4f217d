"""What became of versions that were proven, by their digests, so that no other worker and no restart does it again."""

import hashlib
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from model_store.errors import ManifestError
from model_store.layout import read_manifest
from service.logs import log_event
from service.state_files import locked, write_whole

_REMEMBERED = 1000
"""Outcomes in the file; those written last stay."""


class Outcome(NamedTuple):
    """What became of a version: `harm` says what it did that would have hurt the service, None if it is good."""

    harm: str | None


class Proofs:
    """Outcomes in a file. A file that cannot be used costs proofs, and nothing else.

    Args:
        path: of the file.
        runtime: what versions were proven with; outcomes of another runtime say nothing.
    """

    def __init__(self, path: Path, runtime: str) -> None:
        self._path = path
        self._runtime = runtime

    def outcome(self, digest: str) -> Outcome | None:
        """Return what became of a version, None if it was not proven yet."""
        known = self._read().get(digest)
        return Outcome(known["harm"]) if known and known["runtime"] == self._runtime else None

    def remember(self, digest: str, outcome: Outcome) -> None:
        """Write down what became of a version."""
        self._change(digest, {"harm": outcome.harm, "runtime": self._runtime})

    def forget(self, digest: str) -> None:
        """Let a version be proven again."""
        self._change(digest, None)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other workers from proving meanwhile: what the first finds out need not be found out by the next."""
        with ExitStack() as stack:
            with suppress(OSError):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(locked(self._path.with_name(f"{self._path.name}.turn")))
            yield

    def _read(self) -> dict[str, dict[str, str | None]]:
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            known = json.loads(self._path.read_bytes())
            return {
                digest: {"harm": said["harm"], "runtime": said["runtime"]} for digest, said in known["proven"].items()
            }
        return {}

    def _change(self, digest: str, said: dict[str, str | None] | None) -> None:
        try:
            with locked(self._path):
                known = self._read()
                known.pop(digest, None)
                if said is not None:
                    known[digest] = said
                kept = dict(list(known.items())[-_REMEMBERED:])
                write_whole(self._path, json.dumps({"proven": kept}, indent=1).encode())
        except OSError as error:
            log_event("proofs_not_kept", logging.WARNING, reason=error.strerror)


def digest_of(version: Path) -> str | None:
    """Return the digest by which a version is known; None if it has no manifest that can be read."""
    try:
        return hashlib.sha256(read_manifest(version)).hexdigest()
    except (OSError, ManifestError):
        return None


def how_it_ended(status: int) -> str:
    """Say what a version did to the process that proved it, by the status with which that ended."""
    if status == -signal.SIGKILL:
        return "it was killed while it was proven, most likely because memory ran out"
    if status < 0:
        return f"it crashed the process that proved it ({signal.Signals(-status).name})"
    return f"it ended the process that proved it (status {status})"
