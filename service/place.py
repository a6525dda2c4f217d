"""Where a worker stands among the others: what its supervisor gives it on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields

ACCEPTING = b"accepting\n"
"""What a worker writes on its pipe once it takes connections; anything but this and `GROWN` is why it cannot start."""

GROWN = b"grown\n"
"""What it writes once it has more in memory than it may (`NUNCHI_RECYCLE_MEMORY_MB`)."""

LOADS = "loads"
"""The file in the directory of a service in which workers tell how many connections they have."""

WORKER_RESTARTS = "sentiment_worker_restarts_total"
RECYCLES = "sentiment_worker_recycles_total"
"""Metrics that the supervisor counts and the workers show."""

READY, LOADED = 1, 2
"""What a worker waits for before it takes connections, since others answer meanwhile: that the default model is ready,
or, if it is to take over from one that answers, that everything is loaded."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker is given. Descriptors are those of files that it inherits.

    Attributes:
        listening: descriptors of the sockets that listen, with commas between them.
        lifeline: of a pipe of which the other end is closed when the supervisor ends.
        notices: of a pipe to the supervisor.
        directory: of the pages of the ledger and of `LOADS`.
        slot: of the cells of `LOADS`, which is its own.
        number: of its page in the ledger, which no worker had before.
        hold: `READY`, `LOADED`, or 0 for the first of all, which tells those who ask why the service is not ready.
    """

    listening: str
    lifeline: int
    notices: int
    directory: str
    slot: int
    number: int
    hold: int

    @property
    def descriptors(self) -> list[int]:
        """Those that its process inherits."""
        return [*self.sockets, self.lifeline, self.notices]

    @property
    def sockets(self) -> list[int]:
        """The descriptors of the sockets."""
        return [int(descriptor) for descriptor in self.listening.split(",")]

    def arguments(self) -> list[str]:
        """Return the command line of a worker at this place."""
        return [f"--{field.name}={getattr(self, field.name)}" for field in fields(self)]

    @classmethod
    def of(cls, arguments: Sequence[str]) -> "Place":
        """Read that command line."""
        parser = argparse.ArgumentParser(prog="python -m service.worker", description="Started by the supervisor only.")
        for field in fields(cls):
            parser.add_argument(f"--{field.name}", type=str if field.type is str else int, required=True)
        return cls(**vars(parser.parse_args(arguments)))
