"""The workers of a service, each in its place, and who is to take it over."""

import subprocess
from dataclasses import dataclass
from math import inf

from service.place import Place


@dataclass(slots=True)
class Worker:
    """One process.

    Attributes:
        place: where it stands among the others.
        process: the process.
        notices: the end of its pipe that is read; -1 once it is closed.
        accepting: whether it takes connections.
        words: why it cannot start.
        grown: whether it has more in memory than it may.
        postponed: whether it was found that there is no room to replace it.
        told_at: when it was told to stop, in seconds of `time.monotonic`.
    """

    place: Place
    process: "subprocess.Popen[bytes]"
    notices: int
    accepting: bool = False
    words: str = ""
    grown: bool = False
    postponed: bool = False
    told_at: float = inf


@dataclass(slots=True)
class Slot:
    """The place of one worker after the other.

    Attributes:
        number: of the place, from 0.
        worker: who has it.
        heir: who is to have it as soon as it takes connections, because the worker has grown.
        due: while one is missing, when the next may be started, in seconds of `time.monotonic`.
        delay_s: how long the next was made to wait, in seconds.
    """

    number: int
    worker: Worker | None = None
    heir: Worker | None = None
    due: float = 0.0
    delay_s: float = 0.0

    @property
    def workers(self) -> list[Worker]:
        """All that live here."""
        return [worker for worker in (self.worker, self.heir) if worker]

    def vacate(self, worker: Worker) -> None:
        """Leave the place of a worker to its heir, or have no heir if that is who ended."""
        if worker is self.worker:
            self.worker = self.heir
        self.heir = None

    def cell(self, slots: int) -> int:
        """Return which cell of `LOADS` the next gets, of the two of this slot."""
        taken = {worker.place.slot for worker in self.workers}
        return next(cell for cell in (self.number, self.number + slots) if cell not in taken)
