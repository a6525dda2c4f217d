"""Clients of a service that is told to stop: they ask until nobody listens any more, and count what they saw."""

import asyncio
import json
import time
from collections import Counter
from math import inf

from tests.prove.clients import Client, LostError
from tests.prove.traffic import message

CLIENTS = 12
PATIENCE_S = 20

_SINGLE = message("/predict", '{"text": "배우 연기가 정말 좋았어요"}'.encode())
_BATCH = message("/predict/batch", json.dumps({"texts": ["영화 정말 좋았어요"] * 128}).encode())
_READY = b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n"


class Load:
    """Clients that ask again as soon as they were answered, until nobody listens any more.

    Every fourth comes anew for each request, every sixth sends batches.
    """

    def __init__(self, port: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.lost = 0
        self._port = port
        self._clients = [asyncio.create_task(self._come(number)) for number in range(CLIENTS)]

    async def end(self, *, at_once: bool = False) -> None:
        """Wait until nobody has anything left to ask, or end it."""
        for client in self._clients if at_once else ():
            client.cancel()
        await asyncio.wait(self._clients, timeout=PATIENCE_S)
        self.lost += sum(not client.done() for client in self._clients)

    async def _come(self, number: int) -> None:
        while (client := await Client.connect(self._port)) is not None:
            try:
                await self._ask(client, _BATCH if number % 6 == 0 else _SINGLE, once=number % 4 == 1)
            except LostError:
                self.lost += 1
            finally:
                client.leave()

    async def _ask(self, client: Client, request: bytes, *, once: bool) -> None:
        last = False
        while not (last or client.ended):
            answer = await client.ask(request)
            self.statuses[answer.status] += 1
            last = answer.last or once
            await asyncio.sleep(0.001)


class Probe:
    """Asks whether the service is ready until nobody listens any more.

    Attributes:
        told_at: when it was told to stop.
        ready_s: after that, when the last question was asked that was answered with yes.
    """

    def __init__(self, port: int) -> None:
        self.told_at = inf
        self.ready_s = 0.0
        self._port = port
        self.ended = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        while (client := await Client.connect(self._port)) is not None:
            last = False
            while not (last or client.ended):
                asked = time.monotonic()
                try:
                    answer = await client.ask(_READY)
                except LostError:
                    break
                if answer.status == 200:
                    self.ready_s = max(self.ready_s, asked - self.told_at)
                last = answer.last
                await asyncio.sleep(0.005)
            client.leave()
