"""Writes the labels that a process is given: one thread, one transaction for all that wait, then their answers."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable
from time import monotonic
from typing import NamedTuple

from service.errors import StoreUnavailableError
from service.experiments.observation import LabelGiven, LabelResult
from service.logs import log_exception
from service.store.answering import refuse, resolve
from service.store.database import Database, Lock
from service.store.group import Group, StoreDownError
from service.store.labels import give_labels
from service.store.tallies import WriterTallies

_GROUP = 500
"""Labels of one transaction."""

_QUEUE = 20_000
"""Labels that may wait."""

_PATIENCE_S = 10.0
"""After this time without a commit, whoever gave a label is told that it is not kept."""

FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.05, 2.0
"""Time until a store that is down is tried again: at first, and at most."""


class WaitingLabel(NamedTuple):
    """A label, when it came (`time.monotonic`), and who waits to hear that it is committed."""

    given: LabelGiven
    since: float
    answer: "asyncio.Future[LabelResult]"


class LabelWriter:
    """Answers labels once they are committed. `label` belongs to one thread, that of the event loop.

    Args:
        database: where to.
        tallies: what is counted.
        queue: how many labels may wait.
        patience_s: how long a label may wait for its commit.
    """

    def __init__(
        self,
        database: Database,
        tallies: WriterTallies | None = None,
        queue: int = _QUEUE,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.tallies = tallies or WriterTallies()
        self._database = database
        self._limit = queue
        self._patience_s = patience_s
        self._waiting: deque[WaitingLabel] = deque()
        self._group: Group[WaitingLabel] = Group(self._commit, _give_up, self.tallies)
        self._open = True
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="label-writer", daemon=True)

    @property
    def waiting(self) -> int:
        """How many labels are accepted and not yet committed."""
        return len(self._waiting) + len(self._group.items)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def label(self, given: LabelGiven) -> Awaitable[LabelResult]:
        """Return what becomes of a label, known when it is committed: from then on no `kill -9` takes it back.

        Raises:
            StoreUnavailableError: when awaited, if it could not be written in time.
        """
        answer: asyncio.Future[LabelResult] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= self._limit or not self._open:
            answer.set_exception(StoreUnavailableError("too many labels are waiting to be written"))
        else:
            self._waiting.append(WaitingLabel(given, monotonic(), answer))
            self._wake.set()
        return answer

    def close(self, timeout_s: float = 10.0) -> None:
        """Write all that was accepted, then stop; who waits for what cannot be written in time is told so."""
        self._open = False
        self._give_up_at = monotonic() + timeout_s
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not (self._closing.is_set() and not self.waiting):
            if not self.waiting:
                self._wake.wait()
                self._wake.clear()
            self._fill_group()
            try:
                self._group.write()
                failures = 0
            except StoreDownError as error:
                if failures == 0:
                    log_exception("store_unavailable", error.__cause__ or error)
                self._await_recovery(failures)
                failures += 1

    def _fill_group(self) -> None:
        for _ in range(min(len(self._waiting), _GROUP - len(self._group.items))):
            self._group.items.append(self._waiting.popleft())

    def _commit(self, labels: list[WaitingLabel]) -> None:
        with self._database.write(Lock.LABELS) as connection:
            results = give_labels(self._database, connection, [label.given for label in labels])
        resolve([label.answer for label in labels], results)

    def _await_recovery(self, failures: int) -> None:
        """Give up what waited too long, then leave the database in peace for a while."""
        closing_late = monotonic() > self._give_up_at
        before = float("inf") if closing_late else monotonic() - self._patience_s
        while self._group.items and self._group.items[0].since < before:
            self._group.abandon(sum(label.since < before for label in self._group.items))
            self._fill_group()
        if not closing_late:
            self._closing.wait(min(FIRST_BACKOFF_S * 2 ** min(failures, 10), LAST_BACKOFF_S))


def _give_up(labels: list[WaitingLabel]) -> None:
    refuse([label.answer for label in labels], "the label could not be written")
