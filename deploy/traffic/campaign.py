"""Sends reviews from several threads, and their labels after them."""

import http.client
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from deploy.traffic.connection import Connection, Told
from deploy.traffic.errors import TrafficError
from deploy.traffic.reviews import Review

_LABELS_AT_ONCE = 200


class Campaign:
    """Sends reviews from several threads, and their labels after them.

    Args:
        url: of the service.
        reviews: what to send, in this order.
        source: of the labels.
        rate: most texts a second; 0 for as fast as it goes.
        known: whether each review comes from a reader of its own, with a key made of its place, so that the same arm
            serves it whenever this is done again; without a key, chance decides.

    Attributes:
        arms: answers by the arm that gave them; None for those of no experiment.
        labels: labels by the status they got.
        refused: what was refused, and why.
    """

    def __init__(
        self, url: str, reviews: Sequence[Review], source: str, rate: float = 0, *, known: bool = False
    ) -> None:
        self._url, self._source, self._rate, self._known = url, source, rate, known
        self._waiting: Iterator[tuple[int, Review]] = enumerate(reviews, start=1)
        self._lock = threading.Lock()
        self._failure: TrafficError | None = None
        self._started = time.monotonic()
        self._sent = 0
        self.arms: Counter[str | None] = Counter()
        self.labels: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()

    @property
    def done(self) -> int:
        """Texts that were answered or refused."""
        return self.arms.total() + self.refused.total()

    def run(self, connections: int, progress: "Progress") -> None:
        """Send everything.

        Raises:
            TrafficError: if the service is not there or goes away.
        """
        self._started = time.monotonic()
        threads = [threading.Thread(target=self._send_some, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            progress.show(self)
            threads[0].join(0.2)
            threads = [thread for thread in threads if thread.is_alive()] or threads[:1]
        progress.show(self, last=True)
        if self._failure is not None:
            raise self._failure

    def _send_some(self) -> None:
        connection = Connection(self._url)
        answered: list[tuple[str, str]] = []
        try:
            while (drawn := self._next()) is not None:
                place, review = drawn
                reader = f"reader-{place}" if self._known else ""
                told = connection.ask("POST", "/predict", {"text": review.text}, reader)
                if prediction := self._note(told):
                    answered.append((prediction, review.label))
                if len(answered) >= _LABELS_AT_ONCE:
                    self._label(connection, answered)
                    answered = []
            self._label(connection, answered)
        except TrafficError as error:
            self._failure = self._failure or error
        finally:
            connection.close()

    def _next(self) -> tuple[int, Review] | None:
        with self._lock:
            if self._failure is not None:
                return None
            self._sent += 1
            due = self._started + (self._sent / self._rate if self._rate else 0)
            drawn = next(self._waiting, None)
        time.sleep(max(0.0, due - time.monotonic()))
        return drawn

    def _note(self, told: Told) -> str | None:
        """Count an answer; return the prediction's id, or None if the text was refused."""
        with self._lock:
            if told.status != http.client.OK:
                self.refused[f"{told.status} {told.body.get('detail')}"] += 1
                return None
            part = told.body["experiment"]
            self.arms[part and part["arm"]] += 1
            name: str = told.body["prediction_id"]
            return name

    def _label(self, connection: Connection, answered: Sequence[tuple[str, str]]) -> None:
        if not answered:
            return
        items = [{"prediction_id": name, "label": label, "source": self._source} for name, label in answered]
        told = connection.ask("POST", "/feedback/batch", {"items": items})
        if told.status != http.client.OK:
            raise TrafficError(f"labels were refused: {told.status} {told.body.get('detail')}")
        with self._lock:
            for item in told.body["items"]:
                self.labels[item["status"]] += 1
                if item["status"] not in (200, 202):
                    self.refused[f"label: {item['status']} {item['detail']}"] += 1


class Progress:
    """Shows how far it is: on a terminal over and over in one line, else at the end.

    Args:
        total: how many texts there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = time.monotonic()

    def show(self, campaign: Campaign, last: bool = False) -> None:
        """Show it."""
        taken = time.monotonic() - self._started
        line = f"{campaign.arms.total():,} of {self._total:,} answered, {campaign.labels.total():,} labelled"
        line += f", {campaign.arms.total() / taken:,.0f} a second" if taken else ""
        if sys.stderr.isatty():
            print(f"\r{line}   ", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last:
            print(line, file=sys.stderr)
