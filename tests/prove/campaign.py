"""Sends labels to a real service from many clients at once, and kills and restarts it meanwhile."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.prove.deliveries import Answered, Delivery, Stored, faults
from tests.system.server import Server, serving

EXPERIMENT = "proof"

_DECLARED = f"""
[[experiment]]
name = "{EXPERIMENT}"
minimum_labels = 10
[[experiment.arms]]
model = "gru"
[[experiment.arms]]
model = "lstm"
"""
_STARTED_S = 30


class Size(NamedTuple):
    """How many labels, from how many clients at once, and how often the process is killed while they come."""

    labels: int
    clients: int
    kills: int


class Campaign:
    """A service with an experiment, and clients that send it labels.

    Args:
        directory: has the model store in `store`; all else is kept there too.
        size: how many send at once, and how often the service is killed.

    Attributes:
        database: the file of the store.
        secret_file: the file of the secret.
        faults: what was not in the store as it was answered, after each kill.
    """

    def __init__(self, directory: Path, size: Size) -> None:
        self.database = directory / "state" / "nunchi.db"
        self.secret_file = directory / "state" / "secret"
        self.faults: list[str] = []
        self._size = size
        self._answered: list[Answered] = []
        self._enough: tuple[int, asyncio.Event] = (0, asyncio.Event())
        self._up = asyncio.Event()
        self._server: Server | None = None
        self._processes = ExitStack()
        self._store = directory / "store"
        self._declared = directory / "experiments.toml"
        self._declared.write_text(_DECLARED, encoding="utf-8")

    @property
    def url(self) -> str:
        """Where the service answers now."""
        assert self._server is not None
        return self._server.url

    async def start(self) -> None:
        """Start the service, and wait until the experiment runs."""
        serve = serving(self._store, NUNCHI_EXPERIMENTS=str(self._declared), NUNCHI_ENGINE="onnx")
        self._server = await asyncio.to_thread(self._processes.enter_context, serve)
        await asyncio.to_thread(_wait_for_experiment, self._server)
        self._up.set()

    def kill(self) -> None:
        """Kill the service; whatever it has not written is gone."""
        assert self._server is not None
        self._up.clear()
        self._server.process.kill()
        self._server.process.wait()

    def close(self) -> None:
        """End every process."""
        self._processes.close()

    async def send(self, everything: Sequence[Delivery]) -> list[Answered]:
        """Send all; return an answer for each request that was made."""
        waiting, answers = list(reversed(everything)), list[Answered]()
        await asyncio.gather(*(self._send_some(waiting, answers) for _ in range(self._size.clients)))
        return answers

    async def send_under_fire(self, everything: Sequence[Delivery]) -> list[Answered]:
        """Send all, and kill the service whenever another part of them is answered."""
        on_its_way = [Answered(delivery, None) for delivery in everything]  # any of it may have been written
        sending: asyncio.Task[list[Answered]] | None = None
        for kill in range(1, self._size.kills + 1):
            self._enough = (len(everything) * kill // (self._size.kills + 1), asyncio.Event())
            sending = sending or asyncio.create_task(self.send(everything))
            await self._enough[1].wait()
            self.kill()
            self.faults += faults([*self._answered, *on_its_way], stored(self.database))
            await self.start()
        return await (sending or self.send(everything))

    async def _send_some(self, waiting: list[Delivery], answers: list[Answered]) -> None:
        async with httpx.AsyncClient(timeout=30, verify=False) as client:
            while waiting:
                delivery = waiting.pop()
                status = await self._send(client, delivery)
                while status is None and delivery.insists:
                    answers.append(Answered(delivery, None))
                    status = await self._send(client, delivery)
                answers.append(Answered(delivery, status))
                self._answered.append(answers[-1])
                if len(self._answered) >= self._enough[0]:
                    self._enough[1].set()

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery) -> int | None:
        await self._up.wait()
        body = {"prediction_id": delivery.prediction_id, "label": delivery.label, "source": delivery.source}
        try:
            return (await client.post(f"{self.url}/feedback", json=body)).status_code
        except httpx.TransportError:
            return None


def stored(database: Path) -> Stored:
    """Read what is in force and what was said against it, as any other program would."""
    with closing(sqlite3.connect(database)) as connection:
        labels = connection.execute("SELECT prediction_id, source, label FROM label ORDER BY seq").fetchall()
        revisions = connection.execute("SELECT prediction_id, source, label FROM label_revision").fetchall()
    return Stored(
        [((prediction, source), label) for prediction, source, label in labels],
        frozenset(((prediction, source), label) for prediction, source, label in revisions),
    )


def _wait_for_experiment(server: Server) -> None:
    end = time.monotonic() + _STARTED_S
    while httpx.get(f"{server.url}/experiments/{EXPERIMENT}").json()["state"] != "running":
        assert time.monotonic() < end, server.log.read_text(encoding="utf-8")
        time.sleep(0.05)
