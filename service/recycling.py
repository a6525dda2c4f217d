"""Replacing workers that have grown: which services do so, whether there is room for it, and what is counted of it."""

import logging

from service.growth import resident_bytes
from service.ledger import Series, SharedLedger
from service.logs import log_event
from service.place import RECYCLES
from service.settings import Settings
from service.slots import Worker
from service.versions.memory import MEBIBYTE, free_bytes


def supervised(settings: Settings) -> bool:
    """Tell whether workers answer, and not the process that is started: if there are several, or one that will grow.

    TensorFlow does not give back the programs that XLA compiled for a version that is dropped.
    """
    grows = settings.engine == "tensorflow" or settings.device == "gpu"
    return settings.workers > 1 or (grows and settings.recycle_memory_mb > 0)


class Recycling:
    """Decides whether a worker may be replaced now, and counts.

    Args:
        ledger: of the supervisor.
        allowed_mb: by which workers may grow; 0: by any.
    """

    def __init__(self, ledger: SharedLedger, allowed_mb: int) -> None:
        self._allowed_bytes = allowed_mb * MEBIBYTE
        self._replaced, self._postponed = (
            ledger.reserve(Series(RECYCLES, (result,), 2, "always")) for result in ("replaced", "postponed")
        )

    def may_begin(self, worker: Worker) -> bool:
        """Tell whether there is room for another beside one that has grown; it takes what that one did when new."""
        needed, free = resident_bytes(worker.process.pid) - self._allowed_bytes, free_bytes()
        if free is None or needed <= free:
            return True
        if not worker.postponed:
            worker.postponed = True
            self._postponed[1] += 1
            log_event("recycling_postponed", logging.WARNING, pid=worker.process.pid, needed=needed, free=free)
        return False

    def ended(self, worker: Worker) -> None:
        """Take note of a worker that has ended since another took over."""
        self._replaced[1] += 1
        log_event("worker_recycled", pid=worker.process.pid, status=worker.process.returncode)
