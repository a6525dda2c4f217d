"""What every part of the measurement works with, and how it alternates between servers."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from bench import closed_loop
from bench.plan import Plan
from bench.running import CannotRunError, Running, running
from bench.servers import Server
from model_store.layout import VersionRef

Figure = TypeVar("Figure")

FAILURES = (CannotRunError, OSError, subprocess.SubprocessError)
"""What keeps one thing from being measured, and must not keep the others."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What every part works with.

    Attributes:
        plan: how much is measured.
        given: the model store as it was given.
        store: one with nothing but the version that is measured.
        version: that version.
        texts: what is sent.
        directory: for files that are gone afterwards.
    """

    plan: Plan
    given: Path
    store: Path
    version: VersionRef
    texts: Sequence[str]
    directory: Path

    def bodies(self, server: Server) -> Path:
        """Return the file of the requests to a server."""
        path = self.directory / f"{server.body.__name__}.jsonl"
        if not path.exists():
            closed_loop.write_bodies(path, [server.body(text) for text in self.texts])
        return path


@dataclass(frozen=True, slots=True)
class Alternation(Generic[Figure]):
    """What came of measuring several servers in turn.

    Attributes:
        figures: one for each round, by the name of the server.
        reasons: why there are none, by the name of the server.
    """

    figures: dict[str, list[Figure]]
    reasons: dict[str, str]


Measure = Callable[[Server, Running, int], Figure]
"""Takes a server, where it runs, and the number of the round."""


Look = Callable[[Server, Running], None]
"""Looks at a server that was measured while it still runs."""


def nothing(_: Server, __: Running) -> None:
    """Do not look."""


def alternate(workplace: Workplace, servers: Sequence[Server], measure: Measure[Figure]) -> Alternation[Figure]:
    """Measure every server once in each round, each time in a fresh process with no other server beside it.

    Every round begins with the next server, so that none always comes first.
    """
    done: Alternation[Figure] = Alternation({server.name: [] for server in servers}, {})
    for number in range(workplace.plan.rounds):
        start = number % len(servers)
        for server in (*servers[start:], *servers[:start]):
            if server.name in done.reasons:
                continue
            report(f"  round {number + 1} of {workplace.plan.rounds}: {server.name}")
            try:
                with running(server, workplace.store, workplace.version) as where:
                    done.figures[server.name].append(measure(server, where, number))
            except FAILURES as error:
                done.reasons[server.name] = reason(error)
                del done.figures[server.name]
    return done


def reason(error: Exception) -> str:
    """Tell in full what went wrong, and return it in the few words that go into the results."""
    report(f"    cannot be measured: {error!r}")
    return str(error) if isinstance(error, CannotRunError) else f"{type(error).__name__} during the measurement"


def report(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)
