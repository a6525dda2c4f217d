"""Bar 7: `gru` against `rnn` on real reviews with their labels fed back, over HTTP, by the script that is given.

What is true is known: the accuracies of both on the whole test split of NSMC, measured when they were published. The
report must not contradict it at any time, whatever part of the split it has seen.
"""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from deploy.traffic.__main__ import drawn
from deploy.traffic.campaign import Campaign, Progress
from deploy.traffic.reviews import Review
from model_store.layout import DEFAULT_STORE, VersionRef, verify
from tests.system.server import Server, serving
from training.config import TrainingConfig
from training.datasets import load_corpus

ARMS = ("gru", "rnn")
EXPERIMENT = "gru-or-rnn"
MARGIN = 0.01

_DECLARED = f"""
[[experiment]]
name = "{EXPERIMENT}"
margin = {MARGIN}
[[experiment.arms]]
model = "{ARMS[0]}"
version = 1
[[experiment.arms]]
model = "{ARMS[1]}"
version = 1
"""
_SOUND = ("winner", "equivalent", "keep_collecting")
_WAIT_S = 60


class Size(NamedTuple):
    """How many reviews, drawn at random from the split, and over how many connections; None: all of them."""

    reviews: int | None
    connections: int = 4


SMALL, FULL = Size(600), Size(None)


class Found(NamedTuple):
    """What the report says, and what is true.

    Attributes:
        sent: reviews that were sent, each with its label.
        taken: labels that the service took.
        truth: the accuracy of the first arm minus that of the second on the whole split.
        report: as the service gave it.
    """

    sent: int
    taken: int
    truth: float
    report: Mapping[str, Any]

    @property
    def pair(self) -> Mapping[str, Any]:
        """The comparison of the two arms."""
        found: Mapping[str, Any] = self.report["pairs"][0]
        return found

    @property
    def missed(self) -> int:
        """Intervals over the course of the labels that do not cover what is true."""
        limits = [(point["lower"], point["upper"]) for point in self.pair["course"]]
        return sum(not low <= self.truth <= high for low, high in [*limits, self.pair["delta_cs"]])

    @property
    def within_margin(self) -> int | None:
        """Labels after which the interval first lay within the margin: for equivalence that is enough."""
        within = (point["labels"] for point in self.pair["course"] if max(-point["lower"], point["upper"]) <= MARGIN)
        return next(within, None)


def prove(size: Size, directory: Path, seed: int = 1) -> Found:
    """Send reviews and labels to the service with the shipped models; ask it which model to keep."""
    declared = directory / "experiments.toml"
    declared.write_text(_DECLARED, encoding="utf-8")
    state = {
        "NUNCHI_SECRET_FILE": str(directory / "secret"),
        "NUNCHI_VERSIONS_FILE": str(directory / "versions.json"),
        "NUNCHI_STORE": f"sqlite:///{directory / 'nunchi.db'}",
    }
    settings = {"NUNCHI_EXPERIMENTS": str(declared), "NUNCHI_ENGINE": "onnx", **state}
    reviews = drawn(split_reviews(), size.reviews, seed)
    with serving(DEFAULT_STORE, directory / "service.log", ready=True, **settings) as server:
        _wait_until_it_runs(server)
        campaign = Campaign(server.url, reviews, "gold", known=True)  # drawn anew, one in hundreds alarms by chance
        campaign.run(size.connections, Progress(len(reviews)))
        report = _report(server, campaign.labels[202])
    return Found(len(reviews), campaign.labels[202], truth(), report)


def split_reviews() -> list[Review]:
    """Return the test split of NSMC as the published figures were measured on it, without texts that are blank.

    Raises:
        DataError: if `NUNCHI_DATA_DIR` does not hold the corpus.
    """
    test = load_corpus(TrainingConfig(dataset="nsmc")).test
    labelled = zip(test.texts, test.classes.tolist(), strict=True)
    return [Review(text, test.labels[place]) for text, place in labelled if text.strip()]


def truth() -> float:
    """Return the difference of the accuracies on the whole split, as it was measured when both were published."""
    first, second = (verify(DEFAULT_STORE, VersionRef(name, 1)).manifest.metrics["accuracy"] for name in ARMS)
    return first - second


def faults(found: Found) -> list[str]:
    """Name all in which a report contradicts what is true."""
    recommendation = found.report["recommendation"]
    state, better = recommendation["state"], ARMS[found.truth < 0]
    complaints = {
        f"{found.missed} intervals do not cover what is true": found.missed > 0,
        f"it is {state}: {'; '.join(recommendation['reasons'])}": state not in _SOUND,
        f"{recommendation['arm']} is named, which is worse": state == "winner" and recommendation["arm"] != better,
        "they are called equivalent and are not": state == "equivalent" and abs(found.truth) > MARGIN,
        f"{found.taken} of {found.sent} labels were taken": found.taken != found.sent,
    }
    return [complaint for complaint, holds in complaints.items() if holds]


def main(size: Size) -> str:
    """Return the proof as Markdown."""
    with tempfile.TemporaryDirectory() as directory:
        return section(prove(size, Path(directory)))


def section(found: Found) -> str:
    """Return what was found as Markdown."""
    pair, recommendation, health = found.pair, found.report["recommendation"], found.report["health"]
    low, high = pair["delta_cs"]
    rows = {
        "accuracies differ on the whole test split by": f"{found.truth:.4f}",
        "as the report sees it": f"{pair['delta']:.4f} ({low:.4f} to {high:.4f})",
        "intervals along the way": f"{len(pair['course'])}, of which {found.missed} do not cover it",
        "only gru right, only rnn right": f"{pair['a_only']:,}, {pair['b_only']:,}",
        "evidence, largest so far (20 decides)": f"{pair['e_sup']:.3g}",
        "decided after": f"{pair['decided_at_labels'] or '-'} labels",
        f"within a margin of {MARGIN:.0%} after": f"{found.within_margin or '-'} labels",
        "recommendation": " ".join(filter(None, (recommendation["state"], recommendation["arm"]))),
        "contradictions": "; ".join(faults(found)) or "none",
    }
    return "\n".join(
        [
            "## gru or rnn, on real reviews",
            "",
            f"{found.sent:,} reviews of the NSMC test split, in an order drawn at random, sent one by one over HTTP; "
            f"{found.taken:,} labels fed back, {pair['n']:,} of which count ({health['repeated_texts']:,} reviews are "
            "repetitions).",
            "",
            "| | |",
            "|---|---|",
            *(f"| {what} | {result} |" for what, result in rows.items()),
        ]
    )


def _wait_until_it_runs(server: Server) -> None:
    end = time.monotonic() + _WAIT_S
    while httpx.get(f"{server.url}/experiments/{EXPERIMENT}").json()["state"] != "running":
        assert time.monotonic() < end, server.log.read_text(encoding="utf-8")
        time.sleep(0.05)


def _report(server: Server, texts: int) -> Mapping[str, Any]:
    """Return the report once everything that was sent is in the store."""
    end = time.monotonic() + _WAIT_S
    while True:
        answer = httpx.get(f"{server.url}/experiments/{EXPERIMENT}/report", timeout=_WAIT_S).raise_for_status()
        report: Mapping[str, Any] = answer.json()
        if report["health"]["texts"] + report["health"]["repeated_texts"] >= texts or time.monotonic() > end:
            return report
        time.sleep(1)
