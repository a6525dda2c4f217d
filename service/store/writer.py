"""Writes what a process observes and what it is told: one thread, one transaction for all that waits."""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable
from time import monotonic

from service.errors import StoreUnavailableError
from service.experiments.observation import LabelGiven, LabelResult, Observation
from service.logs import log_exception
from service.store.answering import resolve
from service.store.database import Database
from service.store.group import Group, StoreDownError, WaitingLabel
from service.store.tallies import WriterTallies

_GROUP = 500
"""Rows, and labels, of one transaction."""

_GATHER_S = 0.02
"""How long a row waits for others, so that a quiet service does not commit each on its own."""

_QUEUE_ROWS = 20_000
"""What may wait, of rows and of labels: some 30 MB when full."""

_LABEL_PATIENCE_S = 10.0
"""After this time without a commit, whoever gave a label is told that it is not kept."""

_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 0.05, 2.0


class StoreWriter:
    """Takes rows without ever waiting, and labels with an answer once they are committed.

    `record`, `label` and `flushed` belong to one thread, that of the event loop.

    Args:
        database: where to.
        tallies: what is counted.
        queue_rows: how many rows may wait, and how many labels.
        label_patience_s: how long a label may wait for its commit.
    """

    def __init__(
        self,
        database: Database,
        tallies: WriterTallies | None = None,
        queue_rows: int = _QUEUE_ROWS,
        label_patience_s: float = _LABEL_PATIENCE_S,
    ) -> None:
        self.tallies = tallies or WriterTallies()
        self._limit = queue_rows
        self._label_patience_s = label_patience_s
        self._rows: deque[Observation] = deque()
        self._labels: deque[WaitingLabel] = deque()
        self._flushes: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._group = Group(database, self.tallies)
        self._accepted = 0
        self._open = True
        self._wake_at: float = 0  # so many rows must wait for the next to wake the thread
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    @property
    def waiting(self) -> int:
        """How many rows and labels are accepted and not yet committed."""
        return len(self._rows) + len(self._labels) + len(self._group)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def record(self, observation: Observation) -> bool:
        """Accept an observation, in less than a microsecond; False if it is dropped because too many wait."""
        waiting = len(self._rows)
        if waiting >= self._limit or not self._open:
            self.tallies.dropped += 1
            return False
        self._rows.append(observation)
        self._accepted += 1
        if waiting >= self._wake_at:
            self._wake.set()
        return True

    def label(self, given: LabelGiven) -> Awaitable[LabelResult]:
        """Return what becomes of a label, known when it is committed: from then on no `kill -9` takes it back.

        Raises:
            StoreUnavailableError: when awaited, if it could not be written in time.
        """
        answer: asyncio.Future[LabelResult] = asyncio.get_running_loop().create_future()
        if len(self._labels) >= self._limit or not self._open:
            answer.set_exception(StoreUnavailableError("too many labels are waiting to be written"))
        else:
            self._labels.append(WaitingLabel(given, monotonic(), answer))
            self._wake.set()
        return answer

    def flushed(self) -> Awaitable[None]:
        """Return what resolves when every row that was accepted until now is written, or given up."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append((self._accepted, done))
        self._wake.set()
        return done

    def close(self, timeout_s: float = 10.0) -> None:
        """Write all that was accepted, then stop; what cannot be written in time is counted as failed."""
        self._open = False
        self._give_up_at = monotonic() + timeout_s
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not (self._closing.is_set() and not self.waiting):
            self._await_work()
            self._fill_group()
            try:
                self._group.write()
                failures = 0
            except StoreDownError as error:
                if failures == 0:
                    log_exception("store_unavailable", error.__cause__ or error)
                self._await_recovery(failures)
                failures += 1
            self._answer_flushes()
        self._answer_flushes()

    def _await_work(self) -> None:
        """Wait for something to write, then a little longer for more rows, unless somebody waits for the answer."""
        self._await(rows=1, timeout_s=None)
        self._await(rows=_GROUP, timeout_s=_GATHER_S)
        self._wake_at = float("inf")  # nobody need wake who does not sleep

    def _await(self, rows: int, timeout_s: float | None) -> None:
        self._wake.clear()
        self._wake_at = rows - 1
        if len(self._rows) < rows and not (self._group or self._labels or self._flushes or self._closing.is_set()):
            self._wake.wait(timeout_s)

    def _fill_group(self) -> None:
        for _ in range(min(len(self._rows), _GROUP - len(self._group.rows))):
            self._group.rows.append(self._rows.popleft())
        for _ in range(min(len(self._labels), _GROUP - len(self._group.labels))):
            self._group.labels.append(self._labels.popleft())

    def _await_recovery(self, failures: int) -> None:
        """Give up what waited too long, then leave the database in peace for a while."""
        closing_late = monotonic() > self._give_up_at
        late = monotonic() - (0 if closing_late else self._label_patience_s)
        self._group.abandon(rows=closing_late, labels_before=late)
        while (closing_late and self._rows) or (self._labels and self._labels[0].since < late):
            self._fill_group()
            self._group.abandon(rows=closing_late, labels_before=late)
        if not closing_late:
            self._closing.wait(min(_FIRST_BACKOFF_S * 2 ** min(failures, 10), _LAST_BACKOFF_S))

    def _answer_flushes(self) -> None:
        while self._flushes and self._flushes[0][0] <= self._group.settled_rows:
            resolve([self._flushes.popleft()[1]], [None])
