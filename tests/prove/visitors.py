"""Endless requests of all kinds, each different from all before, for a service that is to be worn down."""

import json
import random
import select
from collections import Counter
from collections.abc import Callable

from bench.connection import Connection

MOST_CODE_POINTS = 5_000
_CONNECTIONS = 8
_KEPT_FOR = 2_000
"""Requests after which a connection is replaced by another."""
_HOLD = 1 << 18
"""Code points to cut texts from: with every length, more texts than are ever sent."""
_MOST_IN_BATCH = 32
_MODELS = ("gru", "lstm", "rnn")
_WORDS = """
영화 배우 연기 감독 음악 결말 정말 너무 최고 지루했다 감동적이고 아쉬웠지만 추천해요 시간이 아깝다 몰입감이 있고
각 ế नि שלום 映画 👍🏽 🇰🇷 ㅋㅋㅋ ㅠㅠ ... 10점
"""
_PARTS = (*_WORDS.split() * 5, *map(chr, range(0xAC00, 0xD7A3, 50)), *"ㅎㅇㅈ!?~.…0123456789abcdefgh😀🎬💯")
_BROKEN = (
    b"",
    b"{",
    b'{"text": ""}',
    b'{"text": "a", "unknown": 1}',
    b'{"text": "a", "model": "nobody"}',
    b'{"texts": ["a"]}',
    b'{"text": "\\ud800"}',
    json.dumps({"text": "가" * (MOST_CODE_POINTS + 1)}).encode(),
)


class Visitors:
    """Some clients that ask one thing after the other, each as soon as its last is answered.

    Args:
        port: of the service, on 127.0.0.1.
        seed: of all that is drawn.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._draw = random.Random(seed)
        self._hold = "".join(self._draw.choice(_PARTS) + self._draw.choice(("", "", " ")) for _ in range(_HOLD))
        self._sent = 0
        self.statuses: Counter[int] = Counter()
        """How often each was answered; 0: the connection broke."""

    def ask(self, requests: int, every: int, look: Callable[[int], None]) -> None:
        """Send requests; after `every` answers say how many there were until then."""
        waiting = {connection.fileno(): connection for connection in self._connections(requests)}
        answered = 0
        while waiting:
            for descriptor in select.select(list(waiting), (), ())[0]:
                status = waiting[descriptor].receive()
                if status is None:
                    continue
                connection = waiting.pop(descriptor)
                self.statuses[status] += 1
                answered += 1
                if answered % every == 0:
                    look(answered)
                following = self._next(connection, status, requests)
                if following is not None:
                    waiting[following.fileno()] = following

    def _connections(self, requests: int) -> list[Connection]:
        self._sent = 0
        connections = [Connection(self._port) for _ in range(min(_CONNECTIONS, requests))]
        for connection in connections:
            self._send(connection)
        return connections

    def _next(self, connection: Connection, status: int, requests: int) -> Connection | None:
        """Send one more, over another connection now and then; None if all were sent."""
        if self._sent >= requests:
            connection.close()
            return None
        if not status or self._sent % _KEPT_FOR == 0:
            connection.close()
            connection = Connection(self._port)
        self._send(connection)
        return connection

    def _send(self, connection: Connection) -> None:
        self._sent += 1
        connection.send(self._sent, self._request())

    def _request(self) -> bytes:
        """Return a request: mostly a text, now and then many, a broken one, or a question of another kind."""
        kind = self._draw.random()
        if kind < 0.90:
            return self._post("/predict", self._single())
        if kind < 0.97:
            texts = ",".join(f'"{self._text()}"' for _ in range(self._draw.randint(2, _MOST_IN_BATCH)))
            return self._post("/predict/batch", f'{{"texts":[{texts}]}}'.encode())
        if kind < 0.999:
            return self._post("/predict", self._draw.choice(_BROKEN))
        path = self._draw.choice(("/models", "/metrics", "/health/ready", f"/nowhere/{self._sent}"))
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def _single(self) -> bytes:
        model = f',"model":"{self._draw.choice(_MODELS)}"' if self._draw.random() < 0.3 else ""
        return f'{{"text":"{self._text()}"{model}}}'.encode()

    def _text(self) -> str:
        """Return a text of 1 to 5,000 code points: as many of 1 to 10 as of 500 to 5,000."""
        length = int(MOST_CODE_POINTS ** self._draw.random())
        start = self._draw.randrange(len(self._hold) - length)
        return self._hold[start : start + length].strip() or "가"

    def _post(self, path: str, body: bytes) -> bytes:
        names = ""
        if self._draw.random() < 0.2:
            number = self._draw.getrandbits(64)
            names = f"X-Request-ID: r{number}\r\nX-Client-Key: c{number}\r\n"
            names += f"traceparent: 00-{number:032x}-{number:016x}-01\r\n"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{names}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body
