"""Bar 2 of the versions: damaged and hostile ones are refused with a reason, and what was served before goes on being.

They are put, each as the newest of its name, into the store of a service that answers meanwhile.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.prove.damages import Damage, damages
from tests.prove.forgeries import forgeries
from tests.prove.hostile import hostile
from tests.prove.placing import NAMES, Outcome, all_ready, outcomes_of, serves_a_slow_copy, whole
from tests.system.server import ROOT, Server, serving

WEAKENED = "import model_store.layout as layout\nlayout._compare_files = lambda *_: None\n"
"""Run at the start of every process of a service, this leaves out the comparison of files with the manifest."""

_OLD = "200 of version 1"
_TEXT = "배우들 연기가 정말 좋았어요"


class Size(NamedTuple):
    """How many versions, and how many requests a second meanwhile."""

    versions: int
    requests: int


SMALL, FULL = Size(24, 20), Size(10_000, 50)
"""Full is all there are."""

CONTROL = 48
"""Versions that the control is shown."""


class Answers(NamedTuple):
    """What clients got meanwhile: how many answers of the old version, and what else there was."""

    old: int
    others: Counter[str]


class Found(NamedTuple):
    """What the proof found.

    Attributes:
        outcomes: of every damaged version.
        answers: of the service meanwhile.
        alive: whether its process was there at the end, and was the one that was started.
        whole_served: whether a version that is whole was served at the end, although copied file by file.
    """

    outcomes: Sequence[Outcome]
    answers: Answers
    alive: bool
    whole_served: bool

    @property
    def accepted(self) -> list[str]:
        """What should have been refused."""
        return [f"{each.damage.kind}: {each.damage.what}" for each in self.outcomes if each.reason is None]


def everything(seed: int = 1) -> list[Damage]:
    """Return every damage, in an order in which a part of them is a fair sample."""
    found = [*damages(seed), *forgeries(seed), *hostile()]
    random.Random(seed).shuffle(found)
    return found


async def prove(chosen: Sequence[Damage], requests: int, directory: Path, **settings: str) -> Found:
    """Run the proof with these damages in an empty directory."""
    store = directory / "store"
    (directory / "staged").mkdir()
    for name in NAMES:
        whole(store / name / "1", name, 1)
    with serving(store, None, True, **settings) as server:
        await asyncio.to_thread(all_ready, server)
        traffic = asyncio.create_task(_ask(server, requests))
        outcomes: list[Outcome] = []
        for number, wave in enumerate(_waves(chosen), 2):
            outcomes += await asyncio.to_thread(outcomes_of, server, store, wave, number)
        traffic.cancel()
        answers, alive = await traffic, server.process.poll() is None
        return Found(outcomes, answers, alive, alive and await asyncio.to_thread(serves_a_slow_copy, server, store))


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    chosen = everything()[: size.versions]
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(prove(chosen, size.requests, Path(directory)))
    with tempfile.TemporaryDirectory() as directory:
        weakened = asyncio.run(control(chosen[:CONTROL], Path(directory)))
    kinds = Counter(outcome.damage.kind for outcome in found.outcomes)
    refused = Counter(outcome.damage.kind for outcome in found.outcomes if outcome.reason is not None)
    reasons = len({outcome.reason for outcome in found.outcomes})
    return "\n".join(
        [
            "## Damaged and hostile versions",
            "",
            f"{len(chosen)} versions, put into the store of a service of {len(NAMES)} models, each as the newest of "
            f"its name, {len(NAMES)} at a time, while clients ask. Refused means: `GET /models` says so with a "
            "reason, and `sentiment_model_refused` is 1.",
            "",
            "| | |",
            "|---|---|",
            f"| refused | {sum(refused.values())} of {len(found.outcomes)}, with {reasons} different reasons |",
            f"| accepted | {'; '.join(found.accepted) or 'none'} |",
            f"| the process | {'the same from start to end' if found.alive else 'DIED'} |",
            f"| answers of the old version meanwhile | {found.answers.old:,} |",
            f"| other answers | {_counted(found.answers.others)} |",
            f"| a whole version at the end, copied file by file | {'served' if found.whole_served else 'NOT SERVED'} |",
            f"| control: hashes not compared, {len(weakened.outcomes)} of these | {len(weakened.accepted)} accepted |",
            "",
            "| damage | versions | refused |",
            "|---|--:|--:|",
            *(f"| {kind} | {count} | {refused[kind]} |" for kind, count in sorted(kinds.items())),
        ]
    )


async def control(chosen: Sequence[Damage], directory: Path) -> Found:
    """Run the proof against a service that does not compare files with the manifest."""
    weakened = directory / "weakened"
    weakened.mkdir()
    (weakened / "sitecustomize.py").write_text(WEAKENED, encoding="utf-8")
    return await prove(chosen, 5, directory, PYTHONPATH=f"{weakened}:{ROOT}")


def _waves(chosen: Sequence[Damage]) -> Iterator[Sequence[Damage]]:
    for start in range(0, len(chosen), len(NAMES)):
        yield chosen[start : start + len(NAMES)]


async def _ask(server: Server, requests: int) -> Answers:
    """Ask one model after the other, so many times a second, until cancelled."""
    answers: Counter[str] = Counter()
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        with suppress(asyncio.CancelledError):
            for name in cycle(NAMES):
                await asyncio.sleep(1 / requests)
                answers[await _answer(client, name)] += 1
    return Answers(answers.pop(_OLD, 0), answers)


async def _answer(client: httpx.AsyncClient, name: str) -> str:
    try:
        answer = await client.post("/predict", json={"text": _TEXT, "model": name})
    except httpx.TransportError as error:
        return type(error).__name__
    return f"{answer.status_code} of version {answer.json().get('version')}"


def _counted(others: Counter[str]) -> str:
    return ", ".join(f"{count} x {what}" for what, count in sorted(others.items())) or "none"
