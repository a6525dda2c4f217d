from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from model_store.encoder import Encoded
from model_store.layout import VersionRef
from service.app import Application
from service.errors import InferenceError
from service.experiments import observing
from service.experiments.counters import ExperimentCounters
from service.experiments.live import Live
from service.experiments.observation import Observation, Outcome, Recorded
from service.experiments.observing import Observer
from service.experiments.trials import Trials
from service.identifiers import PredictionIds, Pseudonyms
from service.metrics import Metrics
from service.predictor import Predictor
from service.recorder import arms
from service.recorder.frames import Declared, Frames, Note, Settled, framed
from service.recorder.recording import Recording
from service.routing import Router
from service.schemas import PredictBatchRequest, PredictRequest
from service.secrets import Secret
from service.settings import Settings
from tests.service.recorder.trials import live

pytestmark = pytest.mark.anyio

SECRET = Secret(bytes(32))
TEXTS = ["배우들 연기가 정말 좋았어요", "시간이 아까웠다", "그냥 그래요", "다시 보고 싶은 영화"]


class Line:
    """Stands in for the two pipes and the process between them: everything happens at the end of the test."""

    def __init__(self, recording: Recording, settled: Callable[[Settled], None], counters: ExperimentCounters) -> None:
        self.waiting = 0
        self.most = 1_000
        self._recording = recording
        self._settled = settled
        self._lost = counters.lost
        self._frames = Frames()
        self._notes: list[tuple[int, tuple[object, ...]]] = []

    async def declare(self, declared: Declared) -> None:
        [plain] = self._frames.take(framed(declared.plain()))
        self._recording.declare(Declared.of(plain))

    def take(self, number: int, note: tuple[object, ...], _: object = None) -> None:
        if self.waiting >= self.most:
            self._lost.add()
            return
        self._notes.append((number, note))
        self.waiting += 1

    def drain(self) -> None:
        for number, note in self._notes:
            [notes] = self._frames.take(framed([note]))
            settled = self._recording.record(number, [Note._make(each) for each in notes])
            [plain] = self._frames.take(framed(settled.plain()))
            self._settled(Settled.of(plain))
        self._notes.clear()
        self.waiting = 0


class Trial:
    """A service's request path with one experiment, and what was written down of it."""

    def __init__(self, app: Application, declared: Live | None, settings: Settings) -> None:
        self.written: list[Observation] = []
        self.metrics = Metrics()
        self.declared = declared
        counters = ExperimentCounters(self.metrics)
        numbers = Trials(app.registry, counters)
        self.arms = arms.Trials(settings)
        self.line = Line(Recording(self.arms, self._write, SECRET, settings), numbers.count, counters)
        self.observer = Observer(numbers, self.line, PredictionIds(SECRET))
        router = Router(app.registry, "gru", lambda: declared)
        self.predictor = Predictor(router, self.metrics, PredictionIds(SECRET), self.observer)

    def _write(self, recorded: Sequence[Recorded]) -> None:
        self.written += map(observation_of, recorded)

    async def begin(self) -> "Trial":
        if self.declared is not None:
            await self.observer.prepare(self.declared)
        return self

    async def ask(self, *texts: str, model: str | None = None, client: str | None = None) -> list[Observation]:
        await self.begin()
        for text in texts:
            await self.predictor.predict(PredictRequest(text=text, model=model), client)
        self.line.drain()
        return self.written

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def observation_of(recorded: Recorded) -> Observation:
    """Put together what was taken apart."""
    numbers, outcomes = list(recorded.numbers), []
    for answer in recorded.kind.answers:
        latency_us = None if answer.label is None else int(numbers.pop(0))
        probabilities = [numbers.pop(0) for _ in range(answer.probabilities)]
        outcome = Outcome(
            answer.arm, answer.model, answer.version, answer.label, probabilities, latency_us, answer.error
        )
        outcomes.append(outcome)
    kind, name, unit, code, text, tokens, audit, created_at, _ = recorded
    who = kind.served_arm, kind.reason
    return Observation(
        name, kind.experiment, kind.phase, unit, code, text, tokens, *who, audit, created_at, tuple(outcomes)
    )


async def test_every_arm_says_of_every_text_what_it_says_when_it_is_asked(app: Application, settings: Settings) -> None:
    written = await Trial(app, live("gru/1", "gru/2", "lstm/1"), settings).ask(*TEXTS)
    assert len(written) == len(TEXTS)
    direct = Trial(app, None, settings).predictor
    for text, observation in zip(TEXTS, written, strict=True):
        assert [outcome.arm for outcome in observation.outcomes] == ["gru/1", "gru/2", "lstm/1"]
        for outcome in observation.outcomes:
            asked = await direct.predict(PredictRequest(text=text, model=outcome.model, version=outcome.version))
            assert outcome.probabilities == pytest.approx(asked.probabilities, abs=1e-6)
            assert outcome.label == asked.model.stored.manifest.labels[asked.label]
            assert outcome.latency_us is not None
            assert outcome.error is None


async def test_in_split_traffic_only_the_arm_that_answered_is_asked(app: Application, settings: Settings) -> None:
    written = await Trial(app, live("gru/1", "lstm/1", mode="split"), settings).ask(*TEXTS)
    assert [[outcome.arm for outcome in each.outcomes] for each in written] == [[each.served_arm] for each in written]


async def test_an_answer_does_not_wait_for_the_other_arms(app: Application, settings: Settings) -> None:
    trial = await Trial(app, live("gru/1", "lstm/1"), settings).begin()
    predicted = await trial.predictor.predict(PredictRequest(text=TEXTS[0]))
    assert trial.written == []
    trial.line.drain()
    assert [observation.prediction_id for observation in trial.written] == [predicted.prediction_id]


async def test_a_client_stays_at_its_arm_and_is_written_down_by_a_code_only(
    app: Application, settings: Settings
) -> None:
    written = await Trial(app, live("gru/1", "lstm/1"), settings).ask(*TEXTS, client="김철수")
    assert len({observation.served_arm for observation in written}) == 1
    code = Pseudonyms(SECRET).of_client("김철수")
    assert {(observation.reason, observation.unit) for observation in written} == {("hash", code)}
    assert "김철수" not in str(written)


async def test_a_batch_without_a_key_is_one_unit_as_chance_drew_once_for_all_of_it(
    app: Application, settings: Settings
) -> None:
    trial = await Trial(app, live("gru/1", "lstm/1"), settings).begin()
    for _ in range(2):
        await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS))
    trial.line.drain()
    units = [observation.unit for observation in trial.written]
    assert None not in units
    assert [len(set(units[:4])), len(set(units[4:])), len(set(units))] == [1, 1, 2]
    assert {observation.reason for observation in trial.written} == {"random"}


async def test_a_request_without_a_key_is_a_unit_of_its_own(app: Application, settings: Settings) -> None:
    trial = Trial(app, live("gru/1", "lstm/1"), settings)
    await trial.ask(*TEXTS[:2])
    await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS[:1]))
    assert {observation.unit for observation in await trial.ask()} == {None}


async def test_texts_are_written_down_only_if_the_operator_says_so(app: Application, settings: Settings) -> None:
    for store_text in (False, True):
        chosen = settings.model_copy(update={"store_text": store_text})
        [observation] = await Trial(app, live("gru/1", "lstm/1"), chosen).ask("  좋아요!!!! ")
        assert observation.text == ("  좋아요!!!! " if store_text else None)
        assert observation.text_hmac == Pseudonyms(SECRET).of_text("좋아요!!!!")


async def test_a_request_that_names_its_model_is_none_of_the_experiments_business(
    app: Application, settings: Settings
) -> None:
    assert await Trial(app, live("gru/1", "lstm/1"), settings).ask(*TEXTS, model="lstm") == []


async def test_without_an_experiment_nothing_is_written_down(app: Application, settings: Settings) -> None:
    assert await Trial(app, None, settings).ask(*TEXTS) == []


async def test_an_arm_that_is_not_ready_is_written_down_as_missing_and_counted(
    app: Application, settings: Settings
) -> None:
    trial = Trial(app, live("gru/1", "lstm/9", mode="shadow"), settings)
    written = await trial.ask(*TEXTS)
    assert [[outcome.error for outcome in each.outcomes] for each in written] == [[None, "not_ready"]] * len(TEXTS)
    missing = {"experiment": "trial", "arm": "lstm/9", "reason": "not_ready"}
    assert trial.count("sentiment_shadow_dropped_total", **missing) == len(TEXTS)


async def test_a_request_whose_arm_is_not_ready_is_answered_by_the_default_model_and_not_counted(
    app: Application, settings: Settings
) -> None:
    trial = await Trial(app, live("lstm/9", "gru/1", mode="shadow"), settings).begin()
    predicted = await trial.predictor.predict(PredictRequest(text=TEXTS[0]))
    trial.line.drain()
    assert (predicted.model.ref, predicted.part) == (VersionRef("gru", 2), None)
    assert trial.written == []


async def test_what_the_other_arms_cannot_keep_up_with_is_written_down_without_them(
    app: Application, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_SHADOWED", 2)
    trial = await Trial(app, live("gru/1", "lstm/1", mode="shadow"), settings).begin()
    await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS))
    trial.line.drain()
    assert [each.outcomes[1].error for each in trial.written] == [None, None, "dropped", "dropped"]
    assert all(each.outcomes[0].label for each in trial.written)
    dropped = {"experiment": "trial", "arm": "lstm/1", "reason": "dropped"}
    assert trial.count("sentiment_shadow_dropped_total", **dropped) == 2


async def test_what_may_not_wait_at_all_is_counted(app: Application, settings: Settings) -> None:
    trial = await Trial(app, live("gru/1", "lstm/1"), settings).begin()
    trial.line.most = 1
    await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS))
    trial.line.drain()
    assert len(trial.written) == 1
    assert trial.count("sentiment_observations_lost_total") == len(TEXTS) - 1


async def test_an_arm_that_fails_is_written_down_as_failed_and_the_others_are_asked(
    app: Application, settings: Settings
) -> None:
    declared = live("gru/1", "lstm/1", mode="shadow")
    trial = await Trial(app, declared, settings).begin()
    routed = Router(app.registry, "gru", lambda: declared).route(None, None, None)
    encoded: Sequence[Encoded] = [routed.model.encode(TEXTS[0])]
    trial.observer.failed(routed, TEXTS[:1], encoded, InferenceError("model_error"))
    trial.line.drain()
    [observation] = trial.written
    errors = [(outcome.label is None, outcome.error) for outcome in observation.outcomes]
    assert errors == [(True, "model_error"), (False, None)]


async def test_agreement_and_assignments_are_counted(app: Application, settings: Settings) -> None:
    trial = Trial(app, live("gru/1", "gru/2"), settings)
    written = await trial.ask(*TEXTS)
    agreed = sum(first.label == second.label for first, second in (each.outcomes for each in written))
    pair = {"experiment": "trial", "arm_a": "gru/1", "arm_b": "gru/2"}
    assert trial.count("sentiment_pair_comparisons_total", **pair, agree="true") == agreed
    assert trial.count("sentiment_pair_comparisons_total", **pair, agree="false") == len(TEXTS) - agreed
    served = [
        trial.count("sentiment_assignments_total", experiment="trial", phase="3", arm=arm, reason="random")
        for arm in ("gru/1", "gru/2")
    ]
    assert served == [sum(each.served_arm == arm for each in written) for arm in ("gru/1", "gru/2")]


@pytest.mark.parametrize("share", [0.0, 1.0])
async def test_the_share_that_is_declared_is_drawn_for_labelling(
    app: Application, settings: Settings, share: float
) -> None:
    written = await Trial(app, live("gru/1", "lstm/1", audit_share=share), settings).ask(*TEXTS)
    assert {observation.audit for observation in written} == {bool(share)}


async def test_arms_that_read_texts_otherwise_encode_for_themselves(
    app: Application, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = live("gru/1", "gru/2", mode="shadow")
    [shared] = await Trial(app, declared, settings).ask(TEXTS[0])
    trial = await Trial(app, declared, settings).begin()
    other = trial.arms.get(0).arms["gru/2"]
    assert other.version is not None
    short = replace(other.version.stored.manifest, max_tokens=2)
    other.version = replace(other.version, stored=replace(other.version.stored, manifest=short))
    await trial.predictor.predict(PredictRequest(text=TEXTS[0]))
    trial.line.drain()
    [apart] = trial.written
    own = other.version.engine.score([other.version.encode(TEXTS[0]).ids])[0].tolist()
    assert apart.outcomes[1].probabilities == pytest.approx(own, abs=1e-6)
    assert apart.outcomes[1].probabilities != pytest.approx(shared.outcomes[1].probabilities, abs=1e-6)


async def test_a_version_whose_files_are_others_by_now_is_not_asked(app: Application, settings: Settings) -> None:
    trial = Trial(app, None, settings)
    declared = Trials(app.registry, ExperimentCounters(Metrics())).declare(live("gru/1", "lstm/1"))
    trial.arms.declare(declared._replace(arms=[arm._replace(digest="0" * 64) for arm in declared.arms]))
    assert [arm.version for arm in trial.arms.get(0).arms.values()] == [None, None]


async def test_an_answer_in_the_name_of_an_experiment_that_was_not_declared_is_left_alone(
    app: Application, settings: Settings
) -> None:
    trial = Trial(app, live("gru/1", "lstm/1"), settings)
    await trial.predictor.predict(PredictRequest(text=TEXTS[0]))
    trial.line.drain()
    assert trial.written == []


async def test_what_the_other_arms_say_is_counted_as_said_in_the_shadow(app: Application, settings: Settings) -> None:
    trial = Trial(app, live("gru/1", "lstm/1", mode="shadow"), settings)
    labels = [each.outcomes[1].label for each in await trial.ask(*TEXTS)]
    shadow = app.registry.get("lstm", 1).metrics.shadow
    places = app.registry.get("lstm", 1).stored.manifest.labels
    assert [shadow.predictions[place].value for place in range(len(places))] >= [labels.count(each) for each in places]
