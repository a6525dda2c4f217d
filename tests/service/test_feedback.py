import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest

from model_store.layout import VersionRef, verify
from service.errors import (
    ConflictingLabelError,
    ExpiredPredictionError,
    NotReadyError,
    ServiceError,
    StoreUnavailableError,
    UnknownLabelError,
    UnknownPredictionError,
)
from service.experiments.observation import LabelGiven, LabelResult, LabelSource
from service.feedback import Feedback
from service.feedback_counters import FeedbackCounters, Rejection
from service.identifiers import PredictionIds, uuid7
from service.metrics import Metrics
from service.model import Model
from service.registry import Entry, Registry, State
from service.schemas_feedback import FeedbackRequest
from service.secrets import Secret

pytestmark = pytest.mark.anyio

NOW = 1_790_000_000.0
DAY = 86_400.0


@dataclass
class FakeLabels:
    """Keeps labels in memory, one for each prediction and source; `down` refuses them all."""

    given: list[LabelGiven] = field(default_factory=list)
    down: bool = False

    def label(self, given: LabelGiven) -> Awaitable[LabelResult]:
        answer: asyncio.Future[LabelResult] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._answer, given, answer)
        return answer

    def _answer(self, given: LabelGiven, answer: "asyncio.Future[LabelResult]") -> None:
        if self.down:
            answer.set_exception(StoreUnavailableError("down"))
            return
        known = {(label.prediction_id, label.source): label.label for label in self.given}
        before = known.get((given.prediction_id, given.source))
        if before is None:
            self.given.append(given)
        answer.set_result("accepted" if before is None else "same" if before == given.label else "conflict")


def never(_: VersionRef) -> Model:
    raise AssertionError


@dataclass
class Desk:
    """Feedback with everything around it."""

    feedback: Feedback
    labels: FakeLabels
    metrics: Metrics
    counters: FeedbackCounters
    registry: Registry
    ids: PredictionIds

    def prediction(self, at: float = NOW - 60) -> str:
        name = uuid7(round(at * 1e9), 7)
        return f"{name}-{Secret(b'0' * 32).mac('prediction').hex(name.encode())[:16]}"

    def rejected(self) -> dict[Rejection, float]:
        counted = {reason: counter.value for reason, counter in self.counters.rejected.items()}
        return {reason: value for reason, value in counted.items() if value}


@pytest.fixture
def desk(store: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    metrics = Metrics()
    registry = Registry(never, metrics)
    manifest = verify(store, VersionRef("gru", 1)).manifest
    registry.entries = {
        VersionRef("gru", 1): Entry(State.UNLOADED, manifest=manifest),
        VersionRef("nothing", 1): Entry(State.REFUSED, "altered"),
    }
    labels, ids = FakeLabels(), PredictionIds(Secret(b"0" * 32))
    counters = FeedbackCounters(metrics)
    feedback = Feedback(ids, registry, labels, counters, 30)
    monkeypatch.setattr(feedback, "clock", lambda: NOW)
    return Desk(feedback, labels, metrics, counters, registry, ids)


def request(prediction_id: str, label: str = "positive", source: LabelSource = "audit") -> FeedbackRequest:
    return FeedbackRequest(prediction_id=prediction_id, label=label, source=source)


async def test_a_label_is_kept_with_its_source_and_time(desk: Desk) -> None:
    prediction = desk.prediction()
    assert await desk.feedback.give(request(prediction, "negative", "gold")) == "accepted"
    assert desk.labels.given == [LabelGiven(prediction, "gold", "negative", NOW)]
    assert {source: counter.value for source, counter in desk.counters.accepted.items()} == {
        "gold": 1,
        "audit": 0,
        "user": 0,
    }
    sample = desk.metrics.registry.get_sample_value
    assert sample("sentiment_feedback_delay_seconds_sum", {"source": "gold"}) == pytest.approx(60, abs=0.01)
    assert sample("sentiment_feedback_total", {"source": "gold"}) == 1
    assert desk.rejected() == {}


async def test_who_says_nothing_of_the_source_is_a_user(desk: Desk) -> None:
    assert FeedbackRequest(prediction_id="", label="").source == "user"


async def test_the_same_again_changes_nothing(desk: Desk) -> None:
    again = request(desk.prediction())
    assert [await desk.feedback.give(again) for _ in range(3)] == ["accepted", "same", "same"]
    assert desk.rejected() == {"duplicate": 2}
    assert desk.counters.accepted["audit"].value == 1


async def test_another_label_of_the_same_source_is_a_conflict_and_of_another_source_is_not(desk: Desk) -> None:
    prediction = desk.prediction()
    await desk.feedback.give(request(prediction, "positive", "audit"))
    assert await desk.feedback.give(request(prediction, "negative", "gold")) == "accepted"
    with pytest.raises(ConflictingLabelError):
        await desk.feedback.give(request(prediction, "negative", "audit"))
    assert desk.rejected() == {"conflict": 1}


async def test_an_id_that_was_not_given_here_is_unknown_and_nothing_of_it_is_kept(desk: Desk) -> None:
    prediction = desk.prediction()
    other = f"{prediction[:-1]}{'0' if prediction[-1] != '0' else '1'}"
    for forged in (other, prediction[:36], "", "가", uuid7(round(NOW * 1e9), 1), prediction.upper()):
        with pytest.raises(UnknownPredictionError):
            await desk.feedback.give(request(forged))
    assert desk.labels.given == []
    assert desk.rejected() == {"unknown": 6}


async def test_a_prediction_takes_labels_for_as_long_as_it_is_remembered(desk: Desk) -> None:
    assert await desk.feedback.give(request(desk.prediction(NOW - 30 * DAY + 1))) == "accepted"
    with pytest.raises(ExpiredPredictionError, match="30 days"):
        await desk.feedback.give(request(desk.prediction(NOW - 30 * DAY - 1)))
    assert desk.rejected() == {"expired": 1}


async def test_clocks_of_replicas_may_differ_by_a_minute(desk: Desk) -> None:
    assert await desk.feedback.give(request(desk.prediction(NOW + 59))) == "accepted"
    with pytest.raises(UnknownPredictionError):
        await desk.feedback.give(request(desk.prediction(NOW + 61)))


async def test_a_label_that_no_model_has_is_refused_with_those_there_are(desk: Desk) -> None:
    with pytest.raises(UnknownLabelError, match=r"negative, positive$"):
        await desk.feedback.give(request(desk.prediction(), "Positive"))
    assert desk.labels.given == []
    assert desk.rejected() == {"invalid": 1}


async def test_while_models_are_loading_a_label_may_be_one_of_theirs(desk: Desk) -> None:
    desk.registry.entries = {**desk.registry.entries, VersionRef("chatbot", 1): Entry(State.LOADING)}
    assert await desk.feedback.give(request(desk.prediction())) == "accepted"
    with pytest.raises(NotReadyError, match="not every model is loaded yet"):
        await desk.feedback.give(request(desk.prediction(), "love"))
    assert desk.rejected() == {"unavailable": 1}


async def test_a_store_that_is_down_is_told_and_counted(desk: Desk) -> None:
    desk.labels.down = True
    with pytest.raises(StoreUnavailableError):
        await desk.feedback.give(request(desk.prediction()))
    assert desk.rejected() == {"unavailable": 1}
    assert desk.counters.accepted["audit"].value == 0


async def test_each_label_of_a_batch_is_judged_as_if_it_had_come_alone(desk: Desk) -> None:
    one, other = desk.prediction(NOW - 1), desk.prediction(NOW - 2)
    requests = [
        request(one),
        request(one),
        request(one, "negative"),
        request("forged"),
        request(desk.prediction(NOW - 31 * DAY)),
        request(other, "love"),
        request(other),
    ]
    outcomes = await desk.feedback.give_all(requests)
    assert [_kind(outcome) for outcome in outcomes] == [
        "accepted",
        "same",
        ConflictingLabelError,
        UnknownPredictionError,
        ExpiredPredictionError,
        UnknownLabelError,
        "accepted",
    ]


async def test_a_large_batch_keeps_its_order_and_lets_others_run(desk: Desk) -> None:
    predictions = [desk.prediction(NOW - number) for number in range(1, 1001)]
    giving = asyncio.create_task(desk.feedback.give_all([request(prediction) for prediction in predictions]))
    turns = 0
    while not giving.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1000 / 40
    assert [label.prediction_id for label in desk.labels.given] == predictions


async def test_the_first_and_the_last_moment_count_and_the_delay_is_never_negative(desk: Desk) -> None:
    for at in (NOW - 30 * DAY, NOW + 60):
        assert await desk.feedback.give(request(desk.prediction(at), source="gold")) == "accepted"
    for at in (NOW - 0.25, NOW + 5):
        assert await desk.feedback.give(request(desk.prediction(at), source="user")) == "accepted"
    sample = desk.metrics.registry.get_sample_value
    assert sample("sentiment_feedback_delay_seconds_sum", {"source": "user"}) == pytest.approx(0.25, abs=0.01)


async def test_of_a_large_batch_thirty_two_are_looked_at_before_others_get_their_turn(desk: Desk) -> None:
    giving = asyncio.create_task(
        desk.feedback.give_all([request(desk.prediction(NOW - number)) for number in range(1, 101)])
    )
    kept = []
    while not giving.done():
        await asyncio.sleep(0)
        kept.append(len(desk.labels.given))
    steps = [after - before for before, after in zip([0, *kept], kept, strict=False) if after > before]
    assert steps == [32, 32, 32, 4]


def test_every_source_and_reason_is_counted_from_zero() -> None:
    metrics = Metrics()
    counters = FeedbackCounters(metrics)
    assert set(counters.accepted) == set(counters.delay_s) == set(get_args(LabelSource))
    for reason in get_args(Rejection):
        assert metrics.registry.get_sample_value("sentiment_feedback_rejected_total", {"reason": reason}) == 0


def _kind(outcome: object) -> object:
    return type(outcome) if isinstance(outcome, ServiceError) else outcome
