import json
from pathlib import Path
from typing import Any

import pytest

from training.__main__ import main
from training.config import TrainingConfig

pytestmark = pytest.mark.tensorflow


def _result(name: str, accuracy: float, parameters: int, microseconds: float = 50.0) -> Any:
    from training.comparing.cost import Cost, Time
    from training.sweeping.plan import Point
    from training.sweeping.sweep import Outcome, Result

    time = Time(microseconds / 2, 0, 0)
    point = Point(name, {"units": float(parameters)}, TrainingConfig())
    return Result(point, Outcome(accuracy, 2_500, 1, 1.0), parameters, "fused", Cost(time, time, time))


def test_on_the_front_stands_what_nothing_cheaper_beats() -> None:
    from training.sweeping.choosing import front, parameters

    results = [_result("a", 0.80, 10), _result("b", 0.79, 20), _result("c", 0.80, 20), _result("d", 0.85, 30)]
    beaten_at_the_same_price = _result("e", 0.84, 30)

    found = front([beaten_at_the_same_price, *results], parameters)

    assert [result.point.name for result in found] == ["a", "d"]


def test_the_frugal_choice_is_the_cheapest_within_a_standard_error_of_the_best() -> None:
    from training.sweeping.choosing import best, frugal, microseconds, parameters

    # The standard error of 0.8 on 2,500 texts is 0.008.
    results = [_result("far", 0.79, 10), _result("near", 0.793, 20, 90), _result("best", 0.80, 30, 60)]

    assert best(results).point.name == "best"
    assert frugal(results, parameters).point.name == "near"
    assert frugal(results, microseconds).point.name == "best"


def _sweep(table: Path, runs: Path, *over: str, embedding: int = 8) -> int:
    sizes = ("--vocabulary=70", "--length=16", f"--embedding={embedding}", "--epochs=1", "--validation-share=0.4")
    flags = [flag for each in over for flag in ("--over", each)]
    return main(["sweep", "--dataset", str(table), "--runs", str(runs), *sizes, *flags])


def test_a_sweep_trains_times_and_tells_and_trains_nothing_twice(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from training import recipe
    from training.sweeping import sweep

    assert _sweep(table, tmp_path, "units=4,8") == 0
    first = json.loads((tmp_path / "sweep.json").read_text(encoding="utf-8"))
    trained: list[str] = []

    def train(config: TrainingConfig, run: Path) -> Any:
        trained.append(run.name)
        return recipe.train_variant(config, run)

    monkeypatch.setattr(sweep, "train_variant", train)
    assert _sweep(table, tmp_path, "units=4,8,12") == 0

    found = json.loads((tmp_path / "sweep.json").read_text(encoding="utf-8"))
    assert trained == ["units=12"]
    assert [run["values"] for run in found["runs"]] == [{"units": 4}, {"units": 8}, {"units": 12}]
    kept = ("name", "accuracy", "texts", "epoch", "seconds", "parameters")
    assert [[run[name] for name in kept] for run in found["runs"][:2]] == [
        [run[name] for name in kept] for run in first["runs"]
    ]
    assert all(run["cost"]["one"]["median"] > 0 and run["engine"] == "fused" for run in found["runs"])
    assert "parameters" in found["runs"][0]["on_front_of"], "nothing is smaller"
    assert "units=8 is there" in capsys.readouterr().out
    report = (tmp_path / "sweep.md").read_text(encoding="utf-8")
    for picture in ("cost.png", "settings.png"):
        assert f"({picture})" in report
        assert (tmp_path / picture).is_file()
    assert "| variant | `gru` |" in report


def test_the_test_part_plays_no_role(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import assessment

    monkeypatch.setattr(assessment, "assess", lambda *_: pytest.fail("the test part was looked at"))
    assert _sweep(table, tmp_path, "units=4") == 0
    outcome = json.loads((tmp_path / "units=4" / "outcome.json").read_text(encoding="utf-8"))
    from training.history import best, read_epochs

    assert outcome["accuracy"] == best(read_epochs(tmp_path / "units=4"), "accuracy").validation_accuracy


def test_a_run_that_cannot_be_trained_does_not_stop_the_others(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sweep(table, tmp_path, "vocabulary=5,70") == 0

    found = json.loads((tmp_path / "sweep.json").read_text(encoding="utf-8"))
    assert [run["name"] for run in found["runs"]] == ["vocabulary=70"]
    assert "5 pieces do not cover the characters" in found["failures"]["vocabulary=5"]
    assert "vocabulary=5 cannot be trained" in capsys.readouterr().out

    assert _sweep(table, tmp_path / "other", "vocabulary=5") == 1
    assert "no run of the sweep can be trained" in capsys.readouterr().err


def test_runs_of_another_sweep_are_not_taken_for_these(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sweep(table, tmp_path, "units=4") == 0
    assert _sweep(table, tmp_path, "units=4", embedding=9) == 1
    assert "units=4 holds a run with other settings" in capsys.readouterr().err
