"""The process that proves versions: `service.versions.prover` starts it, asks on its input, reads its output.

A question is a line of JSON, and so is an answer. It says that it is ready; then for each question the digest, once the
files are verified, and why the version is refused, or null. A version that crashes, hangs or takes too much memory ends
this process, and no other.
"""

import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from model_store.errors import StoreError, VersionRefusedError
from model_store.layout import Trust, VersionRef, verify
from service.engines.choice import EngineChoice
from service.errors import EngineError
from service.proving import prove_verified

_NICENESS = 10
"""Whoever waits for an answer of a model comes first."""
_FIRST_TO_BE_KILLED = b"1000"
"""If the machine runs out of memory (/proc/self/oom_score_adj)."""
_MEBIBYTE = 2**20
_MEANT_FOR_THE_SERVICE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A terminal and systemd send them to every process of a service; that one ends says nothing of the version."""
_LATER_S = 5
"""How much later than it is given up there the process ends by itself, should nobody be there any more."""

Tell = Callable[[object], None]


def main() -> None:
    """Answer what is asked, until nobody asks any more."""
    answers = _own_output()
    _become_harmless()
    choices: dict[str, EngineChoice] = {}

    def tell(answer: object) -> None:
        os.write(answers, json.dumps(answer).encode() + b"\n")

    tell("ready")
    for question in _questions(float(sys.argv[1])):
        wanted = question["engine"]
        choice = choices.setdefault(wanted, EngineChoice(wanted, "cpu", threads=1))
        signal.alarm(question["seconds"] + _LATER_S)  # ends this process, wherever it hangs
        _limit_memory(question["bytes"])
        _answer(question, choice, tell)
        signal.alarm(0)


def _answer(question: Mapping[str, Any], choice: EngineChoice, tell: Tell) -> None:
    try:
        ref = VersionRef(question["name"], question["version"])
        stored = verify(Path(question["store"]), ref, _trust(question["trusted"]))
    except VersionRefusedError as error:
        tell(None)
        tell(error.reason)
        return
    tell(stored.digest)
    tell(_refusal(lambda: prove_verified(stored, choice), question["bytes"]))


def _trust(keys: str | None) -> Trust | None:
    """Return who has to have signed a version; None: nobody."""
    if keys is None:
        return None
    from service.security.signatures import TrustedKeys  # noqa: PLC0415 - costs time only where it is asked for

    return TrustedKeys.read(Path(keys))


def _refusal(prove: Callable[[], object], allowed: int) -> str | None:
    try:
        prove()
    except Exception as error:  # an engine may raise anything over a damaged model
        if _for_want_of_memory(error):
            return f"it takes more than {allowed // _MEBIBYTE} MiB of memory"
        if isinstance(error, (StoreError, EngineError)):
            return str(error)
        return f"it cannot be loaded: {type(error).__name__}"
    return None


def _for_want_of_memory(error: BaseException | None) -> bool:
    """Tell whether an error, or what led to it, says that there was no memory; of C++ comes only the word."""
    return error is not None and (
        isinstance(error, MemoryError) or "bad_alloc" in str(error) or _for_want_of_memory(error.__cause__)
    )


def _own_output() -> int:
    """Return a descriptor for the answers; whatever else writes to standard output gets standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _become_harmless() -> None:
    for number in _MEANT_FOR_THE_SERVICE:
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(_FIRST_TO_BE_KILLED)


def _limit_memory(allowed: int) -> None:
    """Let this process take so many bytes more than it has; what it maps of files and never writes does not count."""
    with suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        [taken] = (int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (taken + allowed, most))


def _questions(idle_s: float) -> Iterator[dict[str, Any]]:
    """Yield what is asked, until the other end is closed or nothing has come for so long."""
    while select.select([sys.stdin], [], [], idle_s)[0] and (line := sys.stdin.readline()):
        yield json.loads(line)


if __name__ == "__main__":
    main()
