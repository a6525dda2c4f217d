"""Writes observations however long that takes: whoever sends more waits, and counts what it cannot send."""

import os
import time
from collections.abc import Callable, Sequence

from service.experiments.observation import Recorded
from service.logs import log_exception
from service.store.database import Database
from service.store.group import Group, StoreDownError
from service.store.rows import ObservationWriter
from service.store.tallies import WriterTallies
from service.store.writer import FIRST_BACKOFF_S, LAST_BACKOFF_S

_GROUP = 500
"""Rows of one transaction: others who write to the same file wait a few milliseconds."""

_PATIENCE_S = 10.0
"""How long a store that is down is tried again once the service is gone."""


class PatientWriter:
    """Tries again until the store takes what there is, or nobody is left to do it for.

    Args:
        database: where to.
        tallies: what is counted.
        alone: tells whether the service is gone.
    """

    patience_s = _PATIENCE_S

    def __init__(self, database: Database, tallies: WriterTallies, alone: Callable[[], bool]) -> None:
        self._alone = alone
        self._group: Group[Recorded] = Group(ObservationWriter(database).write, lambda _: None, tallies)

    def write(self, observations: Sequence[Recorded]) -> None:
        """Commit observations; what no store takes is dropped, counted and logged."""
        for start in range(0, len(observations), _GROUP):
            self._group.items += observations[start : start + _GROUP]
            self._persist()

    def _persist(self) -> None:
        failures = 0
        alone_since = float("inf")
        while self._group.items:
            try:
                self._group.write()
            except StoreDownError as error:
                if failures == 0:
                    log_exception("store_unavailable", error.__cause__ or error)
                if self._alone():
                    alone_since = min(alone_since, time.monotonic())
                if time.monotonic() - alone_since > self.patience_s:
                    self._group.abandon(len(self._group.items))
                time.sleep(min(FIRST_BACKOFF_S * 2 ** min(failures, 10), LAST_BACKOFF_S))
                failures += 1


def orphaned() -> Callable[[], bool]:
    """Return what tells whether the process that started this one is gone."""
    parent = os.getppid()
    return lambda: os.getppid() != parent
