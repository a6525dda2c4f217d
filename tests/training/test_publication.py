import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from model_store.golden import check_golden, pad, read_golden
from model_store.layout import FUSED_BATCH_GRAPH, FUSED_GRAPH, GOLDEN, REPORT, VersionRef, list_versions, verify
from model_store.operators import fused_graph, saved_model
from training.__main__ import main
from training.errors import ParityError

pytestmark = pytest.mark.tensorflow

SMALL = ["--vocabulary", "70", "--embedding", "8", "--units", "8", "--epochs", "2", "--batch-size", "16"]


def _command(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture
def run(table: Path, tmp_path: Path) -> Path:
    assert _command("train", "--dataset", table, "--run", tmp_path / "run", *SMALL) == 0
    return tmp_path / "run"


def test_a_run_becomes_a_version_that_proves_itself(run: Path, tmp_path: Path) -> None:
    from training.exporter import fused_scorer, saved_model_scorer

    assert _command("publish", "--run", run, "--name", "own", "--store", tmp_path / "store") == 0

    stored = verify(tmp_path / "store", VersionRef("own", 1))
    examples = read_golden(stored.path / GOLDEN)
    encoder, limit = stored.load_encoder(), stored.manifest.max_tokens
    assert stored.manifest.labels == ("bad", "good")
    assert stored.manifest.provenance["settings"]["units"] == 8
    assert limit == 256
    fused = [fused_scorer(stored.path / graph) for graph in (FUSED_GRAPH, FUSED_BATCH_GRAPH)]
    for score in (saved_model_scorer(stored.path), *fused):
        assert check_golden(examples, encoder, limit, score) <= 1e-5


def test_the_report_has_its_figures(run: Path, tmp_path: Path) -> None:
    _command("publish", "--run", run, "--name", "own", "--store", tmp_path / "store")

    report = tmp_path / "store" / "own" / "1" / REPORT
    document = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    assert document["part"].endswith("test part")
    under_noise = {"accuracy_without_blanks", "accuracy_with_typos"}
    usual = {"accuracy", "f1", "roc_auc", "log_loss", "brier", "ece", "ece_equal_mass"}
    assert set(document["metrics"]) == usual | under_noise
    assert document["behaviour"] is None  # its classes are not those of the sentences
    text = (report / "report.md").read_text(encoding="utf-8")
    for picture in (
        "learning_curves",
        "confusion",
        "reliability",
        "risk_coverage",
        "by_length",
        "by_unknown",
        "examples",
    ):
        assert f"({picture}.png)" in text
        assert (report / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


def test_a_version_of_sentiment_tells_how_it_behaves(table: Path, tmp_path: Path) -> None:
    run, store = tmp_path / "run", tmp_path / "store"
    own = table.read_text(encoding="utf-8").replace(",good", ",positive").replace(",bad", ",negative")
    table.write_text(own, encoding="utf-8")
    assert _command("train", "--dataset", table, "--run", run, *SMALL) == 0

    assert _command("publish", "--run", run, "--name", "own", "--store", store) == 0

    stored = verify(store, VersionRef("own", 1))
    document = json.loads((stored.path / REPORT / "metrics.json").read_text(encoding="utf-8"))
    text = (stored.path / REPORT / "report.md").read_text(encoding="utf-8")
    assert {"behaviour_all", "behaviour_negation", "accuracy_without_blanks"} <= set(stored.manifest.metrics)
    assert document["behaviour"]["sentences"] >= 260
    assert f"| all | {document['behaviour']['shares'][0]['passed']}/" in text
    assert document["behaviour"]["failures"][0]["case"]["text"] in text
    assert (stored.path / REPORT / "behaviour.png").read_bytes().startswith(b"\x89PNG")


def test_a_version_is_published_with_the_temperature_that_the_validation_part_asks_for(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from training import calibration
    from training.exporter import fused_scorer

    run, store = tmp_path / "run", tmp_path / "store"
    _command("train", "--dataset", table, "--run", run, *SMALL, "--epochs", "1")
    probabilities = {}
    for name, rows in (("plain", 10**6), ("calibrated", 8)):
        monkeypatch.setattr(calibration, "ENOUGH_ROWS", rows)
        assert _command("publish", "--run", run, "--name", name, "--store", store, "--certain-accuracy", "0") == 0
        version = verify(store, VersionRef(name, 1)).path
        ids = pad([example.ids for example in read_golden(version / GOLDEN)])
        probabilities[name] = fused_scorer(version / FUSED_GRAPH)(ids)

    plain, found = (verify(store, VersionRef(name, 1)).manifest.calibration for name in probabilities)
    assert plain is not None
    assert found is not None
    assert (plain.temperature, plain.certain_from) == (1.0, None)
    assert found.temperature != 1.0
    assert (found.certain_from, found.certain_accuracy) == (0.0, 0.0)
    assert {"validation_ece_before", "validation_ece", "test_brier_before", "test_brier"} <= set(found.figures)
    softer = calibration.softened(probabilities["plain"], found.temperature)
    np.testing.assert_allclose(probabilities["calibrated"], softer, atol=1e-5)
    report = store / "calibrated" / "1" / REPORT
    assert f"Temperature {found.temperature:.4f}" in (report / "report.md").read_text(encoding="utf-8")
    assert len(json.loads((report / "metrics.json").read_text(encoding="utf-8"))["calibration"]["risk_coverage"]) == 5

    assert _command("evaluate", "--run", run) == 0
    assert "before" in capsys.readouterr().out


def test_a_share_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        _command("publish", "--run", tmp_path, "--name", "own", "--certain-accuracy", "95")


def test_a_variant_without_fused_operators_is_published_and_says_why(table: Path, tmp_path: Path) -> None:
    run, store = tmp_path / "run", tmp_path / "store"
    _command("train", "--dataset", table, "--run", run, *SMALL, "--activation", "gelu")

    _command("publish", "--run", run, "--name", "own", "--store", store)

    manifest = verify(store, VersionRef("own", 1)).manifest
    assert not manifest.fused_graph
    assert "activation 'gelu'" in manifest.fused_reason


@pytest.mark.parametrize("dropout", ["--dropout", "--recurrent-dropout", "--spatial-dropout", "--head-dropout"])
def test_a_model_trained_with_dropout_is_published_without_it(table: Path, tmp_path: Path, dropout: str) -> None:
    run, store = tmp_path / "run", tmp_path / "store"
    _command("train", "--dataset", table, "--run", run, *SMALL, dropout, "0.3", "--direction", "bidirectional")

    assert _command("publish", "--run", run, "--name", "own", "--store", store) == 0
    assert verify(store, VersionRef("own", 1)).manifest.fused_graph


def test_a_start_that_failed_does_not_claim_its_directory(table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    assert _command("train", "--dataset", table, "--text-column", "review", "--run", run, *SMALL) == 1
    assert _command("train", "--dataset", table, "--run", run, *SMALL) == 0


def test_nothing_is_published_when_the_forms_disagree(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import exporter

    fused = exporter.fused_scorer
    monkeypatch.setattr(exporter, "fused_scorer", lambda path: lambda ids: fused(path)(ids) + np.float32(2e-5))

    assert _command("publish", "--run", run, "--name", "own", "--store", tmp_path / "store") == 1
    assert list_versions(tmp_path / "store") == []


@pytest.mark.parametrize(("form", "operator"), [(saved_model, "Tanh"), (fused_graph, "GRU"), (fused_graph, "Scan")])
def test_nothing_is_published_that_the_service_would_refuse(
    form: ModuleType, operator: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(form, "OPERATORS", form.OPERATORS - {operator})

    assert _command("publish", "--run", run, "--name", "own", "--store", tmp_path / "store") == 1
    assert list_versions(tmp_path / "store") == []


def test_a_score_that_is_no_number_is_a_disagreement(run: Path) -> None:
    from training.assessment import assess
    from training.backend import keras_scorer
    from training.exporter import check_agreement

    assessed = assess(run, "validation", "own")
    score = keras_scorer(assessed.trained.model)

    assert check_agreement(score, score, assessed.rows, "Keras") <= 1e-6
    with pytest.raises(ParityError, match="differs from Keras by nan"):
        check_agreement(score, lambda ids: score(ids) * np.float32("nan"), assessed.rows, "a broken form")


def test_evaluate_writes_a_report_on_the_validation_part(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _command("evaluate", "--run", run) == 0

    out = capsys.readouterr().out
    assert "accuracy " in out
    assert "accuracy_with_typos " in out
    assert (run / "report" / "validation" / "report.md").exists()


def test_train_does_not_overwrite_a_run_unless_it_resumes_it(
    run: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again: list[Any] = ["train", "--dataset", table, "--run", run, *SMALL]

    assert _command(*again) == 1
    assert "--resume" in capsys.readouterr().err
    assert _command(*again, "--resume") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--run", "r", "--variant", "transformer", "--dataset", "TABLE"], "variant must be one of ann"),
        (["train", "--run", "r", "--epochs", "0"], "epochs must be 1 to 1000"),
        (["train", "--run", "r", "--dataset", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["train", "--run", "r", "--config", "nowhere.toml"], "nowhere.toml"),
        (["train", "--run", "TABLE", "--dataset", "TABLE"], "cannot be the directory of a run"),
        (["evaluate", "--run", "r"], "holds no trained model"),
    ],
)
def test_a_mistake_ends_in_one_clear_line(
    arguments: list[str], message: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced = {"r": str(tmp_path / "r"), "TABLE": str(table)}

    assert _command(*(replaced.get(argument, argument) for argument in arguments)) == 1

    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
