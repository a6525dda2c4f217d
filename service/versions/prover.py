"""Has versions proven by another process, so that one that crashes, hangs or takes all memory does so there."""

import json
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock, RLock, Thread
from typing import IO, Any, NamedTuple, cast

from model_store.layout import FUSED_GRAPH, VersionRef
from service.errors import EngineError, NotProvenError
from service.logs import log_event
from service.settings import Settings
from service.versions.memory import allowed_bytes
from service.versions.proofs import Outcome, Proofs, digest_of, how_it_ended

_COMMAND = (sys.executable, "-m", "service.versions.prove_process")
_PATIENCE_S = 120.0
"""The longest that a proof may take."""
_SLOWER = 5
"""So many times as long where TensorFlow compiles: that takes half a minute, and more at low priority beside others."""
_START_S = 60.0
"""The longest that the process may take until it is there."""
_IDLE_S = 10.0
"""After so long without a question the process ends."""


class Prover:
    """Proves versions, one after the other, in one process that is started when it is needed. Its methods block.

    Args:
        settings: where the store is, and what runs the models.
        proofs: what was proven before.
        patience_s: the longest that a proof may take, in seconds.
        command: starts the process.
    """

    def __init__(
        self, settings: Settings, proofs: Proofs, patience_s: float = _PATIENCE_S, command: Sequence[str] = _COMMAND
    ) -> None:
        self._store = settings.model_store
        self._trusted = str(settings.trusted_keys_file) if settings.trusted_keys_file else None
        self._engine = "tensorflow" if settings.device == "gpu" else settings.engine
        self._proofs = proofs
        self._patience_s = patience_s
        self._command = [*command, str(_IDLE_S)]
        self._turn = Lock()
        self._process: _Process | None = None
        self._ended = False

    def expect(self, refs: Iterable[VersionRef]) -> None:
        """Start the process at once if one of these versions was never proven; it takes a tenth of a second."""
        digests = [digest_of(self._store / ref.name / str(ref.version)) for ref in refs]
        if any(digest and self._proofs.outcome(digest) is None for digest in digests):
            self._process = self._running()

    def prove(self, ref: VersionRef) -> str | None:
        """Return the digest of a version once it is proven, now or before.

        Returns:
            None if it has no manifest, so that it will be refused anyway, or if no process can be started: then only
            this one is left to prove it.

        Raises:
            NotProvenError: if it did what would have hurt this process.
            EngineError: if it cannot be served for another reason, or the service ends.
        """
        digest = digest_of(self._store / ref.name / str(ref.version))
        if digest is None or self._proven(digest):
            return digest
        with self._turn, self._proofs.turn():
            return digest if self._proven(digest) else self._prove(ref)

    def forget(self, ref: VersionRef) -> None:
        """Let a version be proven again, whatever became of it."""
        if digest := digest_of(self._store / ref.name / str(ref.version)):
            self._proofs.forget(digest)

    def end(self) -> None:
        """End the process, whatever it is doing; nothing is proven any more."""
        self._ended = True
        if self._process is not None:
            self._process.close()

    def _proven(self, digest: str) -> bool:
        outcome = self._proofs.outcome(digest)
        if outcome is not None and outcome.harm is not None:
            raise NotProvenError(f"{outcome.harm}, when it was proven last")
        return outcome is not None

    def _prove(self, ref: VersionRef) -> str | None:
        try:
            verdict = self._ask(self._question(ref))
        except (OSError, _LeftError) as error:
            log_event("prover_unavailable", logging.WARNING, reason=str(error), version=str(ref))
            return None
        if self._ended:
            raise EngineError("the service ends")
        if verdict.digest and (verdict.refusal is None or verdict.harmful):
            self._proofs.remember(verdict.digest, Outcome(verdict.refusal))
        if verdict.refusal is not None:
            raise (NotProvenError if verdict.harmful else EngineError)(verdict.refusal)
        return verdict.digest

    def _question(self, ref: VersionRef) -> Mapping[str, Any]:
        path = self._store / ref.name / str(ref.version)
        fused = self._engine != "tensorflow" and (path / FUSED_GRAPH).is_file()
        return {
            "store": str(self._store),
            "name": ref.name,
            "version": ref.version,
            "engine": self._engine,
            "trusted": self._trusted,
            "seconds": int(self._patience_s * (1 if fused else _SLOWER)),
            "bytes": allowed_bytes(path, self._engine == "tensorflow"),
        }

    def _ask(self, question: Mapping[str, Any]) -> "_Verdict":
        """Ask the process; if it has just ended, since it had nothing to do, the next."""
        content = json.dumps(question).encode() + b"\n"
        try:
            return self._running().ask(content, question["seconds"])
        except _LeftError:
            return self._running().ask(content, question["seconds"])

    def _running(self) -> "_Process":
        if self._ended:
            raise _LeftError("the service ends")
        if self._process is not None and self._process.gone:
            self._process.close()
            self._process = None
        if self._process is None:
            self._process = _Process(self._command)
        return self._process


class _LeftError(Exception):
    """The process is not there, through no fault of a version."""


class _Verdict(NamedTuple):
    """What became of a version.

    Attributes:
        digest: of what was proven; None if its files are not those that were published.
        refusal: why it cannot be served; None if it can.
        harmful: whether it ended the process.
    """

    digest: str | None
    refusal: str | None
    harmful: bool = False


class _Process:
    """The process.

    Args:
        command: starts it.
    """

    def __init__(self, command: Sequence[str]) -> None:
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        without_gpu = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        self._process = subprocess.Popen(  # noqa: S603 - our own
            command, bufsize=0, stdin=pipe, stdout=pipe, stderr=nothing, env=without_gpu
        )
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._asking = RLock()
        self._received = b""
        self._greeted = False
        Thread(target=self._process.wait, name="prover", daemon=True).start()  # else it stays a zombie

    @property
    def gone(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End it, whatever it is doing; who asks in another thread sees that before its pipes are closed."""
        self._process.kill()
        self._process.wait()
        with self._asking:
            for end in (self._questions, self._answers):
                end.close()

    def ask(self, question: bytes, seconds: float) -> _Verdict:
        """Return what it makes of a version within so many seconds.

        Raises:
            _LeftError: if it ended before it looked at the version.
        """
        with self._asking:
            if self._questions.closed:
                raise _LeftError("the process that proves versions was ended")
            self._await_greeting()
            return self._ask(question, seconds)

    def _ask(self, question: bytes, seconds: float) -> _Verdict:
        deadline, digest = time.monotonic() + seconds, None
        try:
            self._write(question)
            digest = self._line(deadline)
            return _Verdict(digest, self._line(deadline))
        except TimeoutError:
            harm = f"it was not proven within {seconds:g} s"
        except EOFError:
            status = self._process.wait()
            if status == 0 and digest is None:
                raise _LeftError("the process that proves versions had nothing to do, and ended") from None
            harm = how_it_ended(status)
        self.close()
        return _Verdict(digest, harm, harmful=True)

    def _await_greeting(self) -> None:
        if self._greeted:
            return
        try:
            self._greeted = bool(self._line(time.monotonic() + _START_S))
        except (TimeoutError, EOFError):
            self.close()
            status = self._process.returncode
            raise _LeftError(f"the process that proves versions did not start (status {status})") from None

    def _write(self, question: bytes) -> None:
        try:
            self._questions.write(question)
        except BrokenPipeError as error:
            raise EOFError from error

    def _line(self, deadline: float) -> Any:
        """Return the next line that it says, as JSON knows it."""
        answers = select.poll()
        answers.register(self._answers, select.POLLIN)
        while b"\n" not in self._received:
            if not answers.poll(max(0.0, deadline - time.monotonic()) * 1e3):
                raise TimeoutError
            if not (part := self._answers.read(65_536)):
                raise EOFError
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)
