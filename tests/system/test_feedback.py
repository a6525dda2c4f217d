"""Labels survive `kill -9`, small; `python -m tests.prove feedback --full` does the same for ten thousand."""

import asyncio
import random
from pathlib import Path

import pytest

from service.identifiers import PredictionIds
from service.secrets import Secret
from tests.prove import feedback
from tests.prove.deliveries import Answered, Delivery, Stored, deliveries, faults, made_id

SECRET = Secret(b"0" * 32)
ONE = Delivery("a", "positive", "audit", True)
OTHER = ONE._replace(label="negative")
NOTHING = Stored([], frozenset())
KEPT = Stored([(ONE.key, "positive")], frozenset())
IN_CONFLICT = Stored([(ONE.key, "positive")], frozenset({(ONE.key, "negative")}))


@pytest.mark.system
def test_exactly_the_acknowledged_labels_are_there_although_the_process_is_killed(tmp_path: Path) -> None:
    found = asyncio.run(feedback.prove(feedback.SMALL, tmp_path))
    assert found.faults == []
    assert {200, 202, 404, 409, 410, None} >= set(found.statuses) >= {200, 202, 404, 409, 410}
    assert found.replay.same_store
    assert found.replay.same_report
    assert found.replay.labels > found.in_force > found.replay.counted > 100


@pytest.mark.parametrize(
    ("answers", "stored"),
    [
        ([Answered(ONE, 202)], KEPT),
        ([Answered(ONE, 202), Answered(ONE, 200), Answered(OTHER, 409)], IN_CONFLICT),
        ([Answered(ONE, None)], NOTHING),
        ([Answered(ONE, None)], KEPT),
        ([Answered(ONE, None), Answered(ONE, 200)], KEPT),
        ([Answered(ONE, 404), Answered(ONE, 410)], NOTHING),
    ],
)
def test_a_store_that_is_as_it_was_answered_has_no_fault(answers: list[Answered], stored: Stored) -> None:
    assert faults(answers, stored) == []


@pytest.mark.parametrize(
    ("answers", "stored", "fault"),
    [
        ([Answered(ONE, 202)], NOTHING, "acknowledged and not in force"),
        ([Answered(ONE, 200)], NOTHING, "acknowledged and not in force"),
        ([Answered(OTHER, 202), Answered(ONE, None)], KEPT, "acknowledged and not in force"),
        ([Answered(ONE, 202), Answered(OTHER, 409)], KEPT, "in conflict and not kept"),
        ([Answered(ONE, 404)], KEPT, "refused and there"),
        ([Answered(ONE, 410)], KEPT, "refused and there"),
        ([Answered(ONE, 500)], NOTHING, "not expected"),
        ([Answered(ONE, 202)] * 2, KEPT, "accepted 2 times"),
        ([], KEPT, "there, and nobody was told so"),
        ([Answered(ONE, 202)], Stored([*KEPT.labels] * 2, frozenset()), "1 labels are there twice"),
    ],
)
def test_whatever_else_is_there_or_not_there_is_found(answers: list[Answered], stored: Stored, fault: str) -> None:
    assert fault in "; ".join(faults(answers, stored))


def test_deliveries_are_of_every_kind_and_their_ids_are_what_the_service_makes() -> None:
    drawn, ids = random.Random(0), PredictionIds(SECRET)
    predictions = [made_id(SECRET, 1_790_000_000 + number, drawn) for number in range(550)]
    everything = deliveries(1_000, predictions, SECRET, seed=1)
    assert len(everything) == 1_000
    valid = [each for each in everything if ids.verify(each.prediction_id) is not None]
    assert len(valid) == 950
    first: dict[tuple[str, str], str] = {}
    again = other = 0
    for each in valid:
        before = first.setdefault(each.key, each.label)
        again += before == each.label
        other += before != each.label
    assert again > len(first) > 600
    assert other > 50
    assert len({each.prediction_id for each in valid} - set(predictions)) == 50 + 50  # never seen, and too old
