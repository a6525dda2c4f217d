import os
from pathlib import Path

import pytest

from model_store.layout import MANIFEST, VersionRef
from service.errors import StartError
from service.experiments.checking import Verdict, check
from service.experiments.declaration import Arm, Experiment
from tests.service.experiments.declarations import experiment_of
from tests.versions import Shape, publish_version

GRU_2, LSTM_1 = VersionRef("gru", 2), VersionRef("lstm", 1)


def verdict_of(store: Path, *arms: Arm) -> Verdict:
    [verdict] = check([experiment_of(*arms)], store)
    return verdict


def test_models_that_are_stored_with_the_same_labels_are_good(store: Path) -> None:
    verdict = verdict_of(store)
    assert verdict.refs == (GRU_2, LSTM_1)
    assert not verdict.refused


def test_a_version_that_is_named_is_looked_for(store: Path) -> None:
    old, new = Arm("old", "gru", 1, 1.0), Arm("new", "gru", None, 1.0)
    assert verdict_of(store, old, new).refs == (VersionRef("gru", 1), GRU_2)


@pytest.mark.parametrize(
    ("arm", "reason"),
    [
        (Arm("a", "gru", 7, 1.0), "arm a: there is no gru/7; there are gru/1, gru/2"),
        (Arm("a", "lsmt", None, 1.0), "arm a: there is no model lsmt; the nearest known one is lstm"),
        (Arm("a", "bert", 1, 1.0), "arm a: there is no model bert; known are gru, lstm"),
    ],
)
def test_what_is_not_stored_is_told_with_what_is(store: Path, arm: Arm, reason: str) -> None:
    verdict = verdict_of(store, arm, Arm("gru", "gru", None, 1.0))
    assert verdict.reason == reason
    assert verdict.refused


@pytest.mark.parametrize("labels", [("positive", "negative"), ("negative", "neutral", "positive")])
def test_other_labels_or_another_order_cannot_be_compared(tmp_path: Path, labels: tuple[str, ...]) -> None:
    publish_version(tmp_path, "gru")
    publish_version(tmp_path, "lstm", Shape(labels=labels))
    verdict = verdict_of(tmp_path)
    assert verdict.refused
    assert verdict.reason.startswith(f"arm lstm has the labels {', '.join(labels)}, arm gru has negative, positive")


def test_what_is_stopped_does_no_harm(store: Path) -> None:
    stopped = Experiment("old", (Arm("a", "bert", None, 1.0), Arm("b", "gru", None, 1.0)), state="stopped")
    [verdict] = check([stopped], store)
    assert verdict.reason
    assert not verdict.refused


@pytest.mark.parametrize("damage", [b"{}", b"\xff", None])
def test_a_version_without_a_readable_manifest_is_passed_over_as_the_service_would(
    tmp_path: Path, damage: bytes | None
) -> None:
    for name in ("gru", "gru", "lstm"):
        publish_version(tmp_path, name)
    manifest = tmp_path / "gru" / "2" / MANIFEST
    manifest.unlink() if damage is None else manifest.write_bytes(damage)
    assert verdict_of(tmp_path).refs == (VersionRef("gru", 1), LSTM_1)


def test_a_pipe_in_the_place_of_a_manifest_keeps_nobody_waiting(tmp_path: Path) -> None:
    for name in ("gru", "gru", "lstm"):
        publish_version(tmp_path, name)
    (tmp_path / "gru" / "2" / MANIFEST).unlink()
    os.mkfifo(tmp_path / "gru" / "2" / MANIFEST)
    assert verdict_of(tmp_path).refs == (VersionRef("gru", 1), LSTM_1)


def test_without_a_model_store_nothing_can_be_checked(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="NUNCHI_MODEL_STORE"):
        check([experiment_of()], tmp_path / "nowhere")
