"""Half of the clients leave at moments that chance decides: nobody else's answer is wrong, late or missing."""

import asyncio
import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from model_store.layout import DEFAULT_STORE
from tests.prove.clients import Client, LostError
from tests.prove.traffic import message
from tests.system.server import Server, serving
from tests.versions import publish_version

LATE_S = 1.0
_SAME = 2e-6
"""Probabilities are written with six decimals, and depend on the company of a row in the seventh."""
_BATCH = 40
_MEAN_STAY_S = 0.003
_WORDS = ("배우", "연기", "영화", "정말", "좋았어요", "별로", "최고", "지루했어요", "재미", "없다", "ㅋㅋ", "ㅠㅠ")
_METRICS = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n"

Scores = Mapping[str, float]


class Size(NamedTuple):
    """How many requests, and from how many clients at once."""

    requests: int
    clients: int = 24


SMALL, FULL = Size(2_000), Size(100_000)


class Service(NamedTuple):
    """What is served, from which store (None: one with a small version), by which module."""

    engine: str
    store: Path | None = None
    module: str = "service"


FUSED, TENSORFLOW = Service("onnx"), Service("tensorflow", DEFAULT_STORE)


class Found(NamedTuple):
    """What was seen.

    Attributes:
        stayed: requests whose clients waited for the answer.
        left: requests whose clients did not.
        faults: how often something was not as it should be.
        slowest_s: the longest that anybody who stayed waited.
        counted: clients that the service counted as having left.
        rows: texts that were sent, and texts that were scored.
        pending: texts that the service believes to be under way when all is over.
    """

    stayed: int
    left: int
    faults: Counter[str]
    slowest_s: float
    counted: int
    rows: tuple[int, int]
    pending: int


class Crowd:
    """Clients of one service, half of whose requests are given up.

    Args:
        port: of the service.
        known: what it says of every text when nobody else asks.
        seed: of all choices.
    """

    def __init__(self, port: int, known: Mapping[str, Scores], seed: int) -> None:
        self.stayed = self.left = self.rows = 0
        self.faults: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._port = port
        self._known = known
        self._texts = list(known)
        self._random = random.Random(seed)

    async def ask(self, size: Size) -> None:
        """Make all requests."""
        waiting = iter(range(size.requests))
        await asyncio.gather(*(self._ask_some(waiting) for _ in range(size.clients)))

    async def _ask_some(self, waiting: Iterator[int]) -> None:
        client: Client | None = None
        for number in waiting:
            client = client or await Client.connect(self._port)
            assert client is not None
            texts = self._random.choices(self._texts, k=_BATCH if self._random.random() < 0.3 else 1)
            self.rows += len(texts)
            stays = self._random.random() < 0.5
            if not stays:
                await self._leave(client, _request(number, texts))
            if not stays or not await self._stay(client, number, texts):
                client.leave()
                client = None
        if client is not None:
            client.leave()

    async def _leave(self, client: Client, request: bytes) -> None:
        """Send a request, or the beginning of one, and go."""
        self.left += 1
        whole = self._random.random() < 0.9
        client.write(request if whole else request[: self._random.randrange(len(request))])
        await asyncio.sleep(self._random.expovariate(1 / _MEAN_STAY_S))
        client.leave(abruptly=self._random.random() < 0.5)

    async def _stay(self, client: Client, number: int, texts: Sequence[str]) -> bool:
        """Ask and check the answer; return whether the connection goes on."""
        self.stayed += 1
        started = time.perf_counter()
        try:
            answer = await client.ask(_request(number, texts))
        except LostError:
            self.faults["no answer"] += 1
            return False
        seconds = time.perf_counter() - started
        self.slowest_s = max(self.slowest_s, seconds)
        self.faults["late"] += seconds > LATE_S
        self.faults["of another request"] += answer.request_id != f"r-{number}"
        if answer.status != 200:
            self.faults[f"status {answer.status}"] += 1
            return not answer.last
        self.faults["wrong"] += not self._right(texts, json.loads(answer.body))
        return not answer.last

    def _right(self, texts: Sequence[str], body: Any) -> bool:
        given = body["predictions"] if len(texts) > 1 else [body]
        return len(given) == len(texts) and all(
            abs(item["scores"][label] - score) <= _SAME
            for text, item in zip(texts, given, strict=True)
            for label, score in self._known[text].items()
        )


async def prove(size: Size, directory: Path, seed: int = 1, service: Service = FUSED) -> Found:
    """Run the proof in an empty directory."""
    if service.store is None:
        publish_version(directory / "store", "gru")
    with ExitStack() as stack:
        serve = serving(
            service.store or directory / "store",
            directory / "service.log",
            module=service.module,
            NUNCHI_ENGINE=service.engine,
            NUNCHI_SECRET_FILE=str(directory / "secret"),
            NUNCHI_STORE=f"sqlite:///{directory / 'nunchi.db'}",
        )
        server = await asyncio.to_thread(stack.enter_context, serve)
        known = await _alone(server, _texts(random.Random(seed)))
        scored_before = (await _metrics(server))["scored"]
        crowd = Crowd(server.port, known, seed)
        await crowd.ask(size)
        await asyncio.sleep(0.2)
        metrics = await _metrics(server)
    faults = +crowd.faults
    rows = crowd.rows, metrics["scored"] - scored_before
    return Found(crowd.stayed, crowd.left, faults, crowd.slowest_s, metrics["left"], rows, metrics["pending"])


def faults(found: Found) -> list[str]:
    """Name all that is not as it was promised; nothing if it holds."""
    rows, scored = found.rows
    said = {
        **{f"{count} times {fault}": True for fault, count in found.faults.items()},
        f"{found.pending} texts are still under way": found.pending != 0,
        "nobody was seen to leave": found.left > 100 and found.counted == 0,
        f"{scored} of {rows} texts were scored": scored >= rows and found.left > 100,
    }
    return [fault for fault, holds in said.items() if holds]


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    sections = ["## Half of the clients leave", ""]
    for service in (FUSED, TENSORFLOW):
        with tempfile.TemporaryDirectory() as directory:
            sections += _table(service.engine, asyncio.run(prove(size, Path(directory), service=service)))
    return "\n".join(sections)


def _table(name: str, found: Found) -> list[str]:
    rows, scored = found.rows
    lines = {
        "requests whose clients waited, and left": f"{found.stayed:,}, {found.left:,}",
        "wrong, late (over 1 s), missing or other answers": sum(found.faults.values()),
        "slowest answer": f"{1e3 * found.slowest_s:.0f} ms",
        "clients that were seen to leave in time": f"{found.counted:,}",
        "texts sent, and scored": f"{rows:,}, {scored:,}",
        "not as promised": "; ".join(faults(found)) or "nothing",
    }
    return [f"| {name} | |", "|---|---|", *(f"| {what} | {result} |" for what, result in lines.items()), ""]


def _texts(source: random.Random) -> list[str]:
    """Return texts of all lengths, none like another."""
    return [
        f"{number} " + " ".join(source.choices(_WORDS, k=1 + int(source.expovariate(0.2)))) for number in range(500)
    ]


def _request(number: int, texts: Sequence[str]) -> bytes:
    one = len(texts) == 1
    body = json.dumps({"text": texts[0]} if one else {"texts": texts}, ensure_ascii=False)
    return message("/predict" if one else "/predict/batch", body.encode(), x_request_id=f"r-{number}")


async def _alone(server: Server, texts: Sequence[str]) -> dict[str, Scores]:
    """Ask for every text when nobody else does."""
    client = await Client.connect(server.port)
    assert client is not None
    answers = {text: json.loads((await client.ask(_request(0, [text]))).body) for text in texts}
    client.leave()
    return {text: answer["scores"] for text, answer in answers.items()}


async def _metrics(server: Server) -> dict[str, int]:
    client = await Client.connect(server.port)
    assert client is not None
    page = (await client.ask(_METRICS)).body.decode()
    client.leave()
    wanted = {
        "left": r"sentiment_left_requests_total",
        "scored": r'sentiment_batch_size_sum\{model="gru",version="1"\}',
        "pending": r'sentiment_pending_requests\{model="gru",version="1"\}',
    }
    found = {name: re.search(rf"^{series} (\S+)$", page, re.MULTILINE) for name, series in wanted.items()}
    return {name: int(float(match[1])) for name, match in found.items() if match}
