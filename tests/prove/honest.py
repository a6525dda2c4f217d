"""Clients that ask at a fixed rate and measure how long they wait, from the moment at which they wanted to ask."""

import asyncio
import json
import time
from typing import NamedTuple

_CONNECTIONS = 8


class Rate(NamedTuple):
    """How often to ask a service at a port of 127.0.0.1, in requests a second, and for how many seconds."""

    port: int
    per_second: float
    seconds: float


class Waits(NamedTuple):
    """What became of it: seconds that each answer took, and how many were no 200."""

    seconds: list[float]
    failed: int

    def percentile(self, share: float) -> float:
        """Return the seconds within which that share of the answers came."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def ask(rate: Rate) -> Waits:
    """Ask, and return how long it took."""
    return asyncio.run(_ask(rate))


async def _ask(rate: Rate) -> Waits:
    begin = time.perf_counter() + 0.1
    count = int(rate.per_second * rate.seconds)
    parts = [
        _ask_some(rate.port, [begin + number / rate.per_second for number in range(first, count, _CONNECTIONS)])
        for first in range(_CONNECTIONS)
    ]
    found = await asyncio.gather(*parts)
    return Waits([wait for part in found for wait in part.seconds], sum(part.failed for part in found))


async def _ask_some(port: int, moments: list[float]) -> Waits:
    """Ask at these moments on one connection; if an answer is late, so are those after it, and that counts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits, failed = [], 0
    for number, moment in enumerate(moments):
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        body = json.dumps({"text": f"배우들 연기가 정말 좋았어요 {number}"}).encode()
        writer.write(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        waits.append(time.perf_counter() - moment)
        failed += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return Waits(waits, failed)
