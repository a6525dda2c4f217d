"""Where a worker stands among the others: what its supervisor gives it on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields

ACCEPTING = b"accepting"
"""What a worker writes on its pipe once it takes connections; anything else is why it cannot start."""

LOADS = "loads"
"""The file in the directory of a service in which workers tell how many connections they have."""

WORKER_RESTARTS = "sentiment_worker_restarts_total"
"""A metric that the supervisor counts and the workers show."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker is given. Descriptors are those of files that it inherits.

    Attributes:
        listening: descriptors of the sockets that listen, with commas between them.
        lifeline: of a pipe of which the other end is closed when the supervisor ends.
        notices: of a pipe to the supervisor.
        directory: of the pages of the ledger and of `LOADS`.
        slot: which of the workers it is, from 0; its replacement has the same.
        number: of its page in the ledger, which no worker had before.
        hold: 1 if it is to take connections only once it is ready, since others answer meanwhile; 0 for the first of
            all, which tells those who ask why the service is not ready.
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
