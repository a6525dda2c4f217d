from pathlib import Path

import pytest

from model_store.layout import VersionRef
from service.engines.choice import EngineChoice
from service.loading import load
from service.metrics import Metrics
from service.model import Model
from service.proving import prove
from service.settings import Settings
from service.versions.replay import Limits, Report, golden_texts, replay
from tests.versions import GOLDEN_TEXTS, publish_version

GOOD = Report(texts=100, flips=5, agreement=0.95, kappa=0.9, largest_difference=0.4, latency_ratio=1.2)


def loaded(store: Path, version: int, name: str = "gru") -> Model:
    ref = VersionRef(name, version)
    return load(prove(store, ref, EngineChoice("onnx", "cpu", 1), None), Metrics(), Settings())


def test_a_version_beside_itself_differs_in_nothing(store: Path) -> None:
    model = loaded(store, 1)
    report = replay(model, model, GOLDEN_TEXTS)
    assert report is not None
    assert (report.texts, report.flips, report.agreement, report.largest_difference) == (4, 0, 1.0, 0.0)
    assert report.kappa in (None, 1.0)
    assert report.latency_ratio > 0


def test_flips_are_texts_that_get_another_label(store: Path) -> None:
    old, new = loaded(store, 1), loaded(store, 1, "lstm")
    texts = [f"{text} {number}" for text in GOLDEN_TEXTS for number in range(25)]
    report = replay(old, new, texts)
    labels = [[model.engine.score([model.encode(text).ids])[0].argmax() for text in texts] for model in (old, new)]
    flips = sum(first != second for first, second in zip(*labels, strict=True))
    assert report is not None
    assert 0 < flips < 100
    assert report.flips == flips
    assert report.agreement == pytest.approx(1 - flips / 100)
    assert report.kappa is not None
    assert report.kappa < report.agreement


def test_a_text_in_which_there_is_nothing_to_see_is_left_out(store: Path) -> None:
    model = loaded(store, 1)
    report = replay(model, model, ["  ", "영화"])
    assert report is not None
    assert report.texts == 1
    assert replay(model, model, ["  "]) is None


def test_golden_texts_of_both_are_taken_once_and_none_of_a_version_that_is_gone(tmp_path: Path) -> None:
    publish_version(tmp_path / "store")
    model = loaded(tmp_path / "store", 1)
    assert golden_texts((model, model)) == list(GOLDEN_TEXTS)
    (tmp_path / "store").rename(tmp_path / "gone")
    assert golden_texts((model,)) == []


def test_only_what_exceeds_a_limit_speaks_against_a_version() -> None:
    assert GOOD.against(Limits(agreement=0.95, slowdown=1.2)) == []
    assert GOOD.against(Limits(agreement=0.96, slowdown=1.2)) == [
        "5 of 100 texts get another label; 0.96 must get the same"
    ]
    assert GOOD.against(Limits(agreement=0, slowdown=1)) == ["it takes 1.2 times as long; at most 1 times is allowed"]
    assert len(GOOD.against(Limits(agreement=1, slowdown=1))) == 2
