"""Thousands of labels at once while the process is killed again and again: what was acknowledged is there, once."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx

from service.experiments.rendering import to_json
from service.experiments.report import build_report
from service.reports import KEPT_S
from service.secrets import read_secret
from service.store.database import open_database
from tests.prove.campaign import EXPERIMENT, Campaign, Size, stored
from tests.prove.deliveries import Answered, deliveries, faults
from tests.versions import Shape, publish_version

SMALL, FULL = Size(labels=600, clients=16, kills=2), Size(labels=10_000, clients=256, kills=5)

_KEPT = (200, 202, 409)
"""Answers after which a label, or that it contradicts one, is on disk."""


class Replay(NamedTuple):
    """What became of the store when it was read again and again, and what it holds was sent once more.

    Attributes:
        labels: labels that were sent once more: all that had been kept.
        same_store: whether they changed nothing.
        same_report: whether every reader made the same bytes of it: a process, another before and after these labels,
            and this one.
        counted: labels that the report counts.
    """

    labels: int
    same_store: bool
    same_report: bool
    counted: int


class Found(NamedTuple):
    """What the proof found.

    Attributes:
        statuses: how often each was answered; None: the process died first.
        faults: what was not as it was answered, after each kill and at the end.
        in_force: labels in force at the end.
        replay: what is made of them afterwards.
        seconds: from the first label to the last answer, kills and starts included.
    """

    statuses: Counter[int | None]
    faults: list[str]
    in_force: int
    replay: Replay
    seconds: float


async def prove(size: Size, directory: Path, seed: int = 1) -> Found:
    """Run the proof in an empty directory."""
    for name, weights in (("gru", 1), ("lstm", 2)):
        publish_version(directory / "store", name, Shape(seed=weights))
    campaign = Campaign(directory, size)
    try:
        await campaign.start()
        predictions = await _predict(campaign.url, size.labels * 55 // 100)
        everything = deliveries(size.labels, predictions, read_secret(campaign.secret_file), seed)
        started = time.perf_counter()
        answers = await campaign.send_under_fire(everything)
        seconds = time.perf_counter() - started
        left = stored(campaign.database)
        replay = await _replay(campaign, answers)
    finally:
        campaign.close()
    statuses = Counter(answer.status for answer in answers)
    return Found(statuses, [*campaign.faults, *faults(answers, left)], len(left.labels), replay, seconds)


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(prove(size, Path(directory)))
    in_order = sorted(found.statuses.items(), key=lambda item: item[0] or 1_000)
    replay = found.replay
    rows = {
        "answers": ", ".join(f"{count:,} x {status or 'none'}" for status, count in in_order),
        "labels in force at the end": f"{found.in_force:,}",
        "not as it was answered, after each kill and at the end": "; ".join(sorted(set(found.faults))) or "0",
        f"all {replay.labels:,} which were kept, once more": f"changed {'nothing' if replay.same_store else 'some'}",
        f"report on {replay.counted:,} labels by three processes, by one of them before and after that": (
            f"{'the same' if replay.same_report else 'different'} bytes"
        ),
    }
    return "\n".join(
        [
            "## Labels while the process is killed",
            "",
            f"{size.labels:,} labels (duplicates, conflicts, forged and expired ids among them) from {size.clients} "
            f"clients at once, and {size.kills} times `kill -9` meanwhile: {found.seconds:.0f} s, starts included. "
            "Half of the labels are sent again if no answer came.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {what} | {result} |" for what, result in rows.items()),
        ]
    )


async def _predict(url: str, count: int) -> list[str]:
    names: list[str] = []
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for start in range(0, count, 500):
            texts = [f"영화 {number}" for number in range(start, min(start + 500, count))]
            answer = await client.post("/predict/batch", json={"texts": texts})
            names += [item["prediction_id"] for item in answer.json()["predictions"]]
    return names


async def _replay(campaign: Campaign, answers: Sequence[Answered]) -> Replay:
    left = stored(campaign.database)
    await asyncio.sleep(KEPT_S)  # the gauges may have had a report made before the last labels came
    reports = [_report(campaign.url)]
    campaign.kill()
    await campaign.start()
    reports.append(_report(campaign.url))
    kept = [answer.delivery for answer in answers if answer.status in _KEPT]
    again = await campaign.send(kept)
    with closing(open_database(f"sqlite:///{campaign.database}")) as database:
        report = build_report(database, EXPERIMENT)
    assert report is not None
    same_store = stored(campaign.database) == left and {answer.status for answer in again} <= {200, 409}
    return Replay(len(kept), same_store, len({*reports, to_json(report)}) == 1, report["pairs"][0]["n"])


def _report(url: str) -> bytes:
    return httpx.get(f"{url}/experiments/{EXPERIMENT}/report", timeout=60).raise_for_status().content
