from collections.abc import Mapping

import pytest

from model_store.layout import VersionRef
from service.experiments.declaration import Arm, Experiment
from service.experiments.resolving import Obstacle, resolve
from service.registry import Entry, State
from tests.service.experiments.declarations import GRU, LSTM, entry, experiment_of

GRU_1, GRU_3 = VersionRef("gru", 1), VersionRef("gru", 3)


def nobody(name: str, alias: str) -> None:
    """Answer for no alias."""


def resolved(
    *entries: VersionRef, also: Mapping[VersionRef, Entry] | None = None, experiment: Experiment | None = None
) -> tuple[VersionRef, ...] | Obstacle:
    known = {ref: entry() for ref in entries} | dict(also or {})
    return resolve(experiment or experiment_of(), known, set(), nobody)


def pinned(version: int) -> Experiment:
    return experiment_of(Arm("gru", "gru", version, 1.0), Arm("lstm", "lstm", None, 1.0))


def test_the_latest_version_of_each_model_stands_for_its_arm() -> None:
    assert resolved(GRU_1, GRU, LSTM) == (GRU, LSTM)


def test_a_version_that_is_named_stands_for_its_arm() -> None:
    assert resolved(GRU_1, GRU, LSTM, experiment=pinned(1)) == (GRU_1, LSTM)


def test_nothing_begins_before_the_latest_version_is_loaded() -> None:
    coming = {GRU_3: Entry(State.LOADING)}
    assert resolved(GRU, LSTM, also=coming) == Obstacle("waiting", "gru/3 is loading")


def test_what_runs_goes_on_while_a_newer_version_is_loaded() -> None:
    known = {GRU_1: entry(), GRU: entry(), GRU_3: Entry(State.LOADING), LSTM: entry()}
    assert resolve(experiment_of(), known, {GRU_1, LSTM}, nobody) == (GRU_1, LSTM)


def test_what_ran_and_is_gone_does_not_go_on() -> None:
    known = {GRU: Entry(State.DRAINING), GRU_3: Entry(State.LOADING), LSTM: entry()}
    assert resolve(experiment_of(), known, {GRU, LSTM}, nobody) == Obstacle("waiting", "gru/3 is loading")


def test_what_ran_and_is_loaded_again_is_waited_for() -> None:
    known = {GRU: Entry(State.LOADING), LSTM: entry()}
    assert resolve(experiment_of(), known, {GRU, LSTM}, nobody) == Obstacle("waiting", "gru/2 is loading")


@pytest.mark.parametrize("state", [State.REFUSED, State.UNLOADED, State.DRAINING])
def test_a_newer_version_that_will_not_answer_is_passed_over(state: State) -> None:
    assert resolved(GRU, LSTM, also={GRU_3: Entry(state, "altered")}) == (GRU, LSTM)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({}, "gru/3 is not in the model store"),
        ({GRU_3: Entry(State.LOADING)}, "gru/3 is loading"),
        ({GRU_3: Entry(State.REFUSED, "altered: model.onnx")}, "gru/3 is refused: altered: model.onnx"),
        ({GRU_3: Entry(State.UNLOADED)}, "gru/3 is unloaded"),
    ],
)
def test_a_named_version_is_waited_for(entries: Mapping[VersionRef, Entry], reason: str) -> None:
    assert resolved(GRU, LSTM, also=entries, experiment=pinned(3)) == Obstacle("waiting", reason)


def by_alias() -> Experiment:
    return experiment_of(Arm("gru", "gru", "canary", 1.0), Arm("lstm", "lstm", None, 1.0))


def test_the_version_that_answers_for_an_alias_stands_for_its_arm() -> None:
    known = {GRU_1: entry(), GRU: entry(), LSTM: entry()}
    aliases = {("gru", "canary"): GRU_1}

    def answering(name: str, alias: str) -> VersionRef | None:
        return aliases.get((name, alias))

    assert resolve(by_alias(), known, set(), answering) == (GRU_1, LSTM)


def test_an_alias_for_which_nothing_answers_is_waited_for() -> None:
    waiting = Obstacle("waiting", "no version answers for gru/canary")
    assert resolved(GRU, LSTM, experiment=by_alias()) == waiting


def test_a_model_without_any_version_is_waited_for() -> None:
    assert resolved(GRU, also={LSTM: Entry(State.REFUSED, "altered")}) == Obstacle(
        "waiting", "no version of lstm is ready"
    )


@pytest.mark.parametrize("labels", [("positive", "negative"), ("negative", "positive", "neutral"), ("a", "b")])
def test_arms_with_other_labels_or_another_order_are_refused(labels: tuple[str, ...]) -> None:
    assert resolved(GRU, also={LSTM: entry(labels)}) == Obstacle(
        "refused",
        f"arm lstm has the labels {', '.join(labels)}, arm gru has negative, positive; "
        "they must be the same, in the same order",
    )
