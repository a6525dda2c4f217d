"""How long an explanation takes, and whether predictions wait for it: both answered by one service, side by side."""

import http.client
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from model_store.layout import DEFAULT_STORE, VersionRef, verify
from tests.prove.agreement import reviews
from tests.system.server import serving

MODELS = ("rnn", "lstm", "gru")
BAR_MS = 30
"""Of an explanation of a review of `TOKENS` by `MODELS`."""

TOKENS = 30
_LONGEST = 256
_CLIENTS = 2
"""Who ask for explanations without a pause, while predictions are measured."""

_SHORT = "배우들 연기가 정말 좋았어요"


class Size(NamedTuple):
    """How much is measured.

    Attributes:
        explanations: of reviews of `TOKENS`, one after the other.
        windows: of predictions, every third with explanations beside them, every third with comparisons.
        seconds: of one window.
    """

    explanations: int
    windows: int
    seconds: float


SMALL, FULL = Size(5, 3, 0.3), Size(300, 24, 5.0)


class Found(NamedTuple):
    """What was found.

    Attributes:
        tokens_30: seconds of each explanation of a review of 30 tokens.
        tokens_256: the same of a text of 256 tokens.
        first: seconds of the very first explanation, which starts the process.
        alone: seconds of each prediction, window by window, without explanations.
        beside: the same, with explanations.
        compared: the same, with as many comparisons of the same models instead, which no other process answers.
        explained: explanations made beside them.
        refused: explanations that were refused meanwhile.
    """

    tokens_30: Sequence[float]
    tokens_256: Sequence[float]
    first: float
    alone: Sequence[Sequence[float]]
    beside: Sequence[Sequence[float]]
    compared: Sequence[Sequence[float]]
    explained: int
    refused: int


class Client:
    """A connection that is kept until it is closed."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)

    def post(self, path: str, body: bytes) -> int:
        """Return the status of the answer, once all of it was read."""
        self._connection.request("POST", path, body)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def seconds(self, path: str, body: bytes) -> float:
        """Return how long an answer takes.

        Raises:
            AssertionError: if it is none.
        """
        started = time.perf_counter()
        status = self.post(path, body)
        assert status == http.client.OK, status
        return time.perf_counter() - started


def measure(size: Size, directory: Path) -> Found:
    """Measure explanations alone, then predictions with and without explanations beside them, by turns."""
    texts = texts_of(TOKENS)
    bodies = [json.dumps({"text": text, "models": MODELS}).encode() for text in texts]
    longest = json.dumps({"text": "시간이 아까웠다 " * 200, "models": MODELS}).encode()
    predicted = json.dumps({"text": _SHORT}).encode()
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    compared: list[list[float]] = []
    with serving(DEFAULT_STORE, directory / "log") as server, closing(Client(server.url)) as client:
        server.wait_until_loaded()
        first = client.seconds("/explain", bodies[0])
        tokens_30 = [client.seconds("/explain", bodies[n % len(bodies)]) for n in range(size.explanations)]
        tokens_256 = [client.seconds("/explain", longest) for _ in range(max(3, size.explanations // 30))]
        _window(client, predicted, size.seconds)
        explaining = Asking(f"{server.url}/explain", bodies)
        comparing = Asking(f"{server.url}/compare", bodies, _CLIENTS * float(np.median(tokens_30)))
        for _ in range(size.windows // 3):
            alone.append(_window(client, predicted, size.seconds))
            for asking, windows in ((explaining, beside), (comparing, compared)):
                with asking.asking():
                    windows.append(_window(client, predicted, size.seconds))
        comparing.close()
        explained, refused = explaining.close()
    return Found(tokens_30, tokens_256, first, alone, beside, compared, explained, refused)


class Asking:
    """Clients that ask again and again, each a process: in threads they would keep this one waiting.

    Args:
        url: where.
        bodies: what they ask, in turn.
        pause_s: how long they wait after an answer.
    """

    def __init__(self, url: str, bodies: Sequence[bytes], pause_s: float = 0.0) -> None:
        context = multiprocessing.get_context("spawn")
        self._go, self._ended = context.Event(), context.Event()
        self._counted = [context.Value("q", 0) for _ in range(2 * _CLIENTS)]
        pairs = [self._counted[2 * number : 2 * number + 2] for number in range(_CLIENTS)]
        self._processes = [
            context.Process(target=_ask, args=(url, (bodies, pause_s), (self._go, self._ended), pair)) for pair in pairs
        ]
        for process in self._processes:
            process.start()
        with self.asking():  # until each of them is there
            while not all(answered.value for answered in self._counted[::2]):
                time.sleep(0.01)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let them ask until the block ends."""
        self._go.set()
        try:
            yield
        finally:
            self._go.clear()

    def close(self) -> tuple[int, int]:
        """End them; return how many answers they got, and how often they were refused."""
        self._ended.set()
        self._go.set()
        for process in self._processes:
            process.join()
        counts = [each.value for each in self._counted]
        return sum(counts[::2]), sum(counts[1::2])


def _ask(url: str, asked: tuple[Sequence[bytes], float], events: tuple[Event, Event], counted: Sequence[Any]) -> None:
    (bodies, pause_s), (go, ended) = asked, events
    os.nice(10)  # they stand for people at other machines
    with closing(Client(url)) as client:
        for body in cycle(bodies):
            go.wait()
            if ended.is_set():
                return
            refused = client.post(urlsplit(url).path, body) != http.client.OK
            counted[refused].value += 1
            time.sleep(pause_s)


def texts_of(tokens: int, count: int = 50) -> list[str]:
    """Return reviews of the test split of which the models see so many tokens."""
    stored = verify(DEFAULT_STORE, VersionRef("gru", 1))
    encoder = stored.load_encoder()
    found = (text for text in reviews(50_000) if len(encoder.encode(text, _LONGEST).ids) == tokens)
    return [text for _, text in zip(range(count), found, strict=False)]


def main(size: Size) -> str:
    """Measure and return what was found, as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        return section(size, measure(size, Path(directory)))


def section(size: Size, found: Found) -> str:
    """Return what was found, as Markdown."""
    rows = {
        f"{TOKENS} tokens, three models, {len(found.tokens_30)} explanations": found.tokens_30,
        f"{_LONGEST} tokens, three models, {len(found.tokens_256)} explanations": found.tokens_256,
    }
    within = np.median(found.tokens_30) * 1e3 <= BAR_MS
    return "\n".join(
        [
            "## Explanations are quick, and predictions do not wait for them",
            "",
            f"One service, one client. Bar: {BAR_MS} ms for a review of {TOKENS} tokens by rnn, lstm and gru: "
            f"{'met' if within else 'MISSED'} at the median. The very first took {found.first * 1e3:.0f} ms.",
            "",
            "| `POST /explain` | median | p99 |",
            "|---|---:|---:|",
            *(f"| {what} | {_ms(times, 0.5)} | {_ms(times, 0.99)} |" for what, times in rows.items()),
            "",
            f"`POST /predict` without a pause on one connection, {size.windows} windows of {size.seconds:g} s. In",
            f"every third, {_CLIENTS} clients ask for explanations without a pause: {found.explained:,} were made. In",
            "every third, for about as many comparisons by the same models, which need no other process: what any",
            "request costs.",
            "",
            "| `POST /predict` | p50, median of windows | p99, median of windows | predictions |",
            "|---|---:|---:|---:|",
            *(_windows(*row) for row in _beside(found)),
        ]
    )


def _beside(found: Found) -> Sequence[tuple[str, Sequence[Sequence[float]]]]:
    return (
        ("alone", found.alone),
        ("with explanations beside it", found.beside),
        ("with about as many comparisons beside it", found.compared),
    )


def _window(client: Client, body: bytes, seconds: float) -> list[float]:
    """Predict without a pause for so long; return the time of each."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        times.append(client.seconds("/predict", body))
    return times


def _windows(what: str, windows: Sequence[Sequence[float]]) -> str:
    middle = [np.median([np.quantile(times, share) for times in windows]) for share in (0.5, 0.99)]
    return f"| {what} | {middle[0] * 1e3:.3f} ms | {middle[1] * 1e3:.3f} ms | {sum(map(len, windows)):,} |"


def _ms(times: Sequence[float], share: float) -> str:
    return f"{np.quantile(times, share) * 1e3:.1f} ms"
