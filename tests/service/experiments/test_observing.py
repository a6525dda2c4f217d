from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.encoder import Encoded
from model_store.layout import VersionRef
from service.app import Application
from service.engines import Rows
from service.errors import InferenceError
from service.experiments import observing
from service.experiments.counters import ExperimentCounters
from service.experiments.declaration import Arm, Experiment
from service.experiments.design import Mode
from service.experiments.live import Live, LiveArm
from service.experiments.observation import Observation
from service.experiments.observing import Observer
from service.identifiers import PredictionIds, Pseudonyms
from service.metrics import Metrics
from service.predictor import Predictor
from service.routing import Router
from service.schemas import PredictBatchRequest, PredictRequest
from service.secrets import Secret
from service.settings import Settings
from tests.fakes import FakeEngine

pytestmark = pytest.mark.anyio

SECRET = Secret(bytes(32))
TEXTS = ["배우들 연기가 정말 좋았어요", "시간이 아까웠다", "그냥 그래요", "다시 보고 싶은 영화"]


def live(*arms: str, mode: Mode = "shadow_randomized", audit_share: float = 0.1) -> Live:
    refs = [VersionRef(name, int(version)) for name, version in (arm.split("/") for arm in arms)]
    declared = tuple(Arm(arm, ref.name, ref.version, 1) for arm, ref in zip(arms, refs, strict=True))
    experiment = Experiment("trial", declared, mode=mode, audit_share=audit_share)
    return Live(experiment, 3, tuple(LiveArm(arm, ref, 1) for arm, ref in zip(arms, refs, strict=True)))


class Trial:
    """A service's request path with one experiment, and what was written down of it."""

    def __init__(self, app: Application, declared: Live | None, settings: Settings) -> None:
        self.written: list[Observation] = []
        self.metrics = Metrics()
        self.observer = Observer(app.registry, self._record, SECRET, ExperimentCounters(self.metrics), settings)
        router = Router(app.registry, "gru", lambda: declared)
        self.predictor = Predictor(router, self.metrics, PredictionIds(SECRET), self.observer)

    def _record(self, observation: Observation) -> bool:
        self.written.append(observation)
        return True

    async def ask(self, *texts: str, model: str | None = None, client: str | None = None) -> list[Observation]:
        for text in texts:
            await self.predictor.predict(PredictRequest(text=text, model=model), client)
        await self.observer.drain()
        return self.written

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


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
    trial = Trial(app, live("gru/1", "lstm/1"), settings)
    predicted = await trial.predictor.predict(PredictRequest(text=TEXTS[0]))
    assert trial.written == []
    await trial.observer.drain()
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
    trial = Trial(app, live("gru/1", "lstm/1"), settings)
    for _ in range(2):
        await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS))
    await trial.observer.drain()
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
    trial = Trial(app, live("lstm/9", "gru/1", mode="shadow"), settings)
    predicted = await trial.predictor.predict(PredictRequest(text=TEXTS[0]))
    await trial.observer.drain()
    assert (predicted.model.ref, predicted.part) == (VersionRef("gru", 2), None)
    assert trial.written == []


async def test_what_the_other_arms_cannot_keep_up_with_is_written_down_without_them(
    app: Application, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_SHADOWED", 2)
    trial = Trial(app, live("gru/1", "lstm/1", mode="shadow"), settings)
    await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS))
    await trial.observer.drain()
    assert [each.outcomes[1].error for each in trial.written] == [None, None, "dropped", "dropped"]
    assert all(each.outcomes[0].label for each in trial.written)
    dropped = {"experiment": "trial", "arm": "lstm/1", "reason": "dropped"}
    assert trial.count("sentiment_shadow_dropped_total", **dropped) == 2


async def test_what_may_not_wait_at_all_is_counted(
    app: Application, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_WAITING", 1)
    trial = Trial(app, live("gru/1", "lstm/1"), settings)
    await trial.predictor.predict_batch(PredictBatchRequest(texts=TEXTS))
    await trial.observer.drain()
    assert len(trial.written) == 1
    assert trial.count("sentiment_observations_lost_total") == len(TEXTS) - 1


async def test_an_arm_that_fails_is_written_down_as_failed_and_the_others_are_asked(
    app: Application, settings: Settings
) -> None:
    trial = Trial(app, live("gru/1", "lstm/1", mode="shadow"), settings)
    routed = Router(app.registry, "gru", lambda: live("gru/1", "lstm/1", mode="shadow")).route(None, None, None)
    encoded: Sequence[Encoded] = [routed.model.encode(TEXTS[0])]
    trial.observer.failed(routed, TEXTS[:1], encoded, InferenceError("model_error"))
    await trial.observer.drain()
    [observation] = trial.written
    errors = [(outcome.label is None, outcome.error) for outcome in observation.outcomes]
    assert errors == [(True, "model_error"), (False, None)]


async def test_a_version_is_held_while_it_scores_beside_others_and_no_longer(
    app: Application, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = app.registry.get("lstm", 1)
    pending = []

    def score(rows: Rows) -> NDArray[np.float32]:
        pending.append(model.batcher.pending)
        return model.engine.score(rows)

    watched = replace(model, engine=FakeEngine(answer=score))
    monkeypatch.setattr(app.registry, "_ready", {**app.registry._ready, ("lstm", 1): watched})
    await Trial(app, live("gru/1", "lstm/1", mode="shadow"), settings).ask(TEXTS[0])
    assert pending == [1]
    assert model.batcher.pending == 0


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
    other = replace(app.registry.get("gru", 2), max_tokens=2)
    [shared] = await Trial(app, live("gru/1", "gru/2", mode="shadow"), settings).ask(TEXTS[0])
    monkeypatch.setattr(app.registry, "_ready", {**app.registry._ready, ("gru", 2): other})
    [apart] = await Trial(app, live("gru/1", "gru/2", mode="shadow"), settings).ask(TEXTS[0])
    own = other.engine.score([other.encode(TEXTS[0]).ids])[0].tolist()
    assert apart.outcomes[1].probabilities == pytest.approx(own, abs=1e-6)
    assert apart.outcomes[1].probabilities != pytest.approx(shared.outcomes[1].probabilities, abs=1e-6)
