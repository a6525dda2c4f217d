"""Requests that are hardly any: thousands of them, drawn from a grammar of what goes wrong, on raw sockets."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.prove.judge import MARKER, Answer, Verdict

_AT_ONCE = 64
_PATIENCE_S = 15.0
"""For the end of a connection: more than all limits of the service that is asked, on a busy machine too."""

_PATHS = (
    "/predict",
    "/predict/batch",
    "/compare",
    "/feedback",
    "/models",
    "/experiments/{}",
    "/experiments/{}/report",
    "/ui/experiments/{}",
    "/models/{}/1/load",
    "/health/live",
    "/openapi.json",
    "/{}",
)
_HOSTILE_NAMES = (
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "..%5c..%5c",
    "%00",
    "gru%00.json",
    "gru%0a",
    "gru%0d%0aX-Injected:%201",
    "%ef%bc%8fetc%ef%bc%8fpasswd",
    "%c0%ae%c0%ae%2f",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:1/",
    "a" * 8_000,
    "%",
    "%zz",
    "%ed%a0%80",
    "%e2%80%ae",
    "'; drop table labels; --",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1:1/a}",
)
_METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "BREW")
_VERSIONS = (*["HTTP/1.1"] * 5, "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.9", "HTTP/11", "http/1.1", "")
_CODINGS = ("chunked", "Chunked", "chunked, chunked", "gzip, chunked", "chunked, gzip", "identity", "xchunked", "")
_LENGTHS = ("0", "1", "-1", "+1", "0x10", "1 1", "1,1", "9" * 20, "1e3", "", "\uff10", "2147483648")
_SIZES = ("2", "02", "2;x=y", f"2;{MARKER}", "-2", "0x2", "f" * 18, "", "2 ", "zz", "100000", f"2;{'x' * 5000}")
_ENDS = ("\r\n", "\n", "", "\r", MARKER)
_LASTS = ("0\r\n\r\n", f"0\r\n{MARKER}: 1\r\n\r\n", "0", "", "0\r\nContent-Length: 5\r\n\r\n")
_TLS = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
_STARTS = (b"", _TLS, b"PRI * HTTP/2.0\r\n\r\n", b"*1\r\n$4\r\n", b"\r\n" * 50)
_CONTROLS = ("\x00", "\x01", "\x0b", "\x7f", "\r", "\n", "\r\n", "\u202e", "\u2028", "\x85", "\t")


class Case(NamedTuple):
    """What is sent: in a few words, in which pieces, and whether the client then sends nothing more."""

    name: str
    pieces: list[bytes]
    ends: bool


class Draw:
    """Draws hostile requests.

    Args:
        seed: the same gives the same requests.
        key: a good one; half of the requests have it.
    """

    def __init__(self, seed: int, key: str) -> None:
        self._random = random.Random(seed)
        self._key = key
        self._kinds: Sequence[Callable[[], bytes]] = (
            self._mixed_head,
            self._mixed_framing,
            self._broken_chunks,
            self._truncated,
            self._flipped,
            self._ahead,
            self._large_head,
            self._noise,
            self._odd_body,
            self._hostile_path,
            self._control_characters,
        )

    def case(self) -> Case:
        """Return another one."""
        make = self._random.choice(self._kinds)
        data = make()
        cuts = sorted(self._random.choices(range(len(data) + 1), k=self._random.choice((0, 0, 0, 1, 3))))
        edges = [0, *cuts, len(data)]
        pieces = [data[start:end] for start, end in pairwise(edges) if end > start]
        return Case(make.__name__.strip("_").replace("_", " "), pieces, self._random.random() < 0.3)

    def _choice(self, options: Sequence[str]) -> str:
        return self._random.choice(options)

    def _head(self, *lines: str, method: str = "POST", path: str = "/predict", end: str = "\r\n") -> bytes:
        known = [f"Host: localhost{end}"]
        if self._random.random() < 0.5:
            known.append(f"Authorization: Bearer {self._key}{end}")
        more = [f"{line}{end}" for line in lines]
        self._random.shuffle(more)
        return f"{method} {path} HTTP/1.1{end}{''.join([*known, *more])}{end}".encode("utf-8", "surrogatepass")

    def _body(self) -> bytes:
        escaped = self._random.random() < 0.5
        return json.dumps({"text": f"배우들 연기가 {MARKER} 좋았어요"}, ensure_ascii=escaped).encode()

    def _whole(self) -> bytes:
        body = self._body()
        return self._head(f"Content-Length: {len(body)}") + body

    def _mixed_head(self) -> bytes:
        path = self._choice(_PATHS).replace("{}", MARKER)
        line = f"{self._choice(_METHODS)} {path} {self._choice(_VERSIONS)}"
        upgrade = f"Upgrade: {MARKER}\r\nConnection: upgrade"
        headers = [
            self._choice(("Host: localhost", f"Host: {MARKER}.example", "Host:", "Host: a\r\nHost: b", "")),
            self._choice((f"Authorization: Bearer {self._key}", f"Authorization: Basic {MARKER}", f"X-{MARKER}: 1")),
            self._choice((f"Origin: http://{MARKER}.example", upgrade, "Expect: 100-continue")),
            self._choice((f"X-Request-ID: {MARKER}\u202e", f"Accept: {MARKER}", MARKER, ": 1")),
        ]
        end = self._choice(("\r\n", "\r\n", "\r\n", "\n", "\r", "\n\r"))
        return (line + end + end.join(filter(None, headers)) + end + end).encode() + self._choice(("", MARKER)).encode()

    def _mixed_framing(self) -> bytes:
        lines = [
            *[f"Content-Length: {self._choice(_LENGTHS)}"] * self._random.randint(0, 2),
            *[f"Transfer-Encoding: {self._choice(_CODINGS)}"] * self._random.randint(0, 2),
        ]
        return self._head(*lines) + self._choice(("", "{}", "2\r\n{}\r\n0\r\n\r\n", MARKER, "0\r\n\r\n")).encode()

    def _broken_chunks(self) -> bytes:
        chunks = "".join(
            self._choice(_SIZES) + self._choice(_ENDS) + self._choice(("{}", MARKER, "")) + self._choice(_ENDS)
            for _ in range(self._random.randint(1, 5))
        )
        return self._head("Transfer-Encoding: chunked") + (chunks + self._choice(_LASTS)).encode()

    def _truncated(self) -> bytes:
        whole = self._whole()
        return whole[: self._random.randrange(len(whole))]

    def _flipped(self) -> bytes:
        data = bytearray(self._whole())
        for _ in range(self._random.randint(1, 8)):
            data[self._random.randrange(len(data))] = self._random.randrange(256)
        return bytes(data)

    def _ahead(self) -> bytes:
        parts = [self._random.choice((self._whole, self._whole, self._mixed_framing, self._noise))() for _ in range(6)]
        return b"".join(parts)

    def _large_head(self) -> bytes:
        if self._random.random() < 0.5:
            return self._head(f"X-Large: {MARKER * self._random.choice((500, 2_000, 20_000))}")
        return self._head(*[f"X-{number}: {MARKER}" for number in range(self._random.choice((90, 200, 5_000)))])

    def _noise(self) -> bytes:
        return self._random.choice(_STARTS) + MARKER.encode() + self._random.randbytes(self._random.randint(0, 300))

    def _odd_body(self) -> bytes:
        deep = "[" * self._random.choice((100, 100_000))
        bodies = (
            b"",
            b"null",
            b"\xff\xfe" + MARKER.encode(),
            b'{"text": "\xed\xa0\x80' + MARKER.encode() + b'"}',
            rb'{"text": "\ud800' + MARKER.encode() + b'"}',
            b'{"text": ' + deep.encode(),
            f'{{"text": 1e999, "{MARKER}": 1}}'.encode(),
            f'{{"text": "a", "text": "{MARKER}"}}'.encode(),
            f'{{"text": "a", "model": "{MARKER}", "version": 99999999999999999999999}}'.encode(),
            f'{{"text": "a", "model": "{self._choice(_HOSTILE_NAMES)}"}}'.encode(),
            f'{{"text": "a", "models": ["{MARKER}", "../{MARKER}"]}}'.encode(),
            f'{{"prediction_id": "{MARKER}", "label": "{MARKER}"}}'.encode(),
            b"\x1f\x8b" + self._random.randbytes(50),
        )
        body = self._random.choice(bodies)
        path = self._choice(("/predict", "/predict/batch", "/compare", "/feedback", "/feedback/batch"))
        coding = self._choice(("gzip", "deflate", "identity", MARKER))
        return self._head(f"Content-Length: {len(body)}", f"Content-Encoding: {coding}", path=path) + body

    def _hostile_path(self) -> bytes:
        name = self._choice(_HOSTILE_NAMES)
        path = self._choice(_PATHS).replace("{}", name) if self._random.random() < 0.7 else f"/{name}?{MARKER}={name}"
        return self._head(method=self._choice(("GET", "POST", "DELETE")), path=path)

    def _control_characters(self) -> bytes:
        header = self._choice(("X-Request-ID", "X-Client-Key", "Accept", "Authorization", "Host", f"X-{MARKER}"))
        value = f"{MARKER}{self._choice(_CONTROLS)}{MARKER}{self._choice(_CONTROLS)}"
        body = self._body()
        return self._head(f"{header}: {value}", f"Content-Length: {len(body)}") + body


async def send_all(port: int, key: str, count: int, seed: int) -> Verdict:
    """Send so many to a service on 127.0.0.1, many at once, each on a connection of its own."""
    verdict, draw = Verdict("raw sockets"), Draw(seed, key)
    cases = [draw.case() for _ in range(count)]

    async def send_some() -> None:
        while cases:
            await _send(port, cases.pop(), verdict)

    await asyncio.gather(*(send_some() for _ in range(_AT_ONCE)))
    return verdict


async def _send(port: int, case: Case, verdict: Verdict) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    received = b""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            for piece in case.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if case.ends:
                writer.write_eof()
            while data := await reader.read(65_536):
                received += data
    except TimeoutError:
        verdict.hung(case.name)
        return
    except OSError:
        pass  # it was reset, as those are who send on
    finally:
        writer.transport.abort()
    try:
        verdict.judge(case.name, parse(received))
    except ValueError:
        verdict.judge(case.name, ())
        verdict.faults[f"{case.name}: what came is no HTTP"] += 1


def parse(received: bytes) -> list[Answer]:
    """Return the answers on a connection; of the last only what came before it was cut off.

    Raises:
        ValueError: if it is no HTTP.
    """
    answers = []
    while received:
        head, found, rest = received.partition(b"\r\n\r\n")
        if not found:
            break
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        if version != "HTTP/1.1":
            raise ValueError(version)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if rest.startswith(b"HTTP/1.1 ") else int(headers.get("content-length", 0))  # as after HEAD
        if int(status) >= 200:  # what comes before is not the answer yet
            answers.append(Answer(int(status), headers, rest[:length]))
        received = rest[length:] if int(status) >= 200 else rest
    return answers
