import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.layout import DEFAULT_STORE
from model_store.text import normalize
from training.__main__ import main
from training.config import TrainingConfig, read_config
from training.datasets import load_corpus, read_soft_labels
from training.errors import ConfigError, DataError, ResumeError
from training.soft_labels import Origin, read_origin, split_of, write_soft_labels

pytestmark = pytest.mark.tensorflow

FLAGS = ("--vocabulary", "70", "--embedding", "8", "--units", "8", "--epochs", "2", "--batch-size", "16")


def _config(table: Path, **settings: Any) -> TrainingConfig:
    return TrainingConfig(
        **{"dataset": str(table), "vocabulary": 70, "embedding": 4, "units": 4, "epochs": 1, **settings}
    )


def test_each_row_is_tested_on_once_and_never_learnt_from_by_the_same_model(table: Path) -> None:
    corpora = [load_corpus(_config(table, fold=f"{number}/4")) for number in range(1, 5)]

    assert sorted(text for corpus in corpora for text in corpus.test.texts) == sorted(
        text for part in ("train", "validation", "test") for text in getattr(corpora[0], part).texts
    )
    for corpus in corpora:
        assert not set(corpus.test.texts) & {*corpus.train.texts, *corpus.validation.texts}


def test_data_with_an_official_test_part_has_no_folds() -> None:
    with pytest.raises(ConfigError, match="official test part"):
        load_corpus(TrainingConfig(fold="1/5"))


def test_folds_are_trained_reported_and_not_trained_again(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["folds", "--dataset", str(table), "--folds", "3", "--runs", str(tmp_path / "folds"), *FLAGS]

    assert main(command) == 0
    first = capsys.readouterr().out
    document = json.loads((tmp_path / "folds" / "folds.json").read_text(encoding="utf-8"))
    assert main(command) == 0
    again = capsys.readouterr().out

    assert sum(fold["texts"] for fold in document["folds"]) == 100
    means = [fold["model"]["accuracy"] for fold in document["folds"]]
    assert document["summary"]["accuracy"]["mean"] == pytest.approx(np.mean(means))
    assert document["summary"]["baseline, macro-F1"]["mean"] > 0.8
    assert "fold 2 of 3 trains" in first
    assert "fold 2 of 3 is there" in again
    assert first.partition("# Folds")[2] == again.partition("# Folds")[2]
    assert "| standard deviation |" in (tmp_path / "folds" / "folds.md").read_text(encoding="utf-8")


def test_a_finished_fold_of_other_settings_is_not_passed_off(table: Path, tmp_path: Path) -> None:
    from training.folding.folds import run_folds

    run_folds(_config(table), 2, tmp_path)

    with pytest.raises(ResumeError, match="other settings"):
        run_folds(_config(table, units=5), 2, tmp_path)


def test_what_learnt_from_the_folds_tested_on_is_refused(table: Path, tmp_path: Path) -> None:
    from training.folding.folds import run_folds

    (tmp_path / "config.toml").write_text(f"dataset = {json.dumps(str(table))}\n")
    for name, value in (("extra", "soft.tsv"), ("pretrained", str(tmp_path)), ("encoder_from", str(tmp_path))):
        with pytest.raises(ConfigError, match=f"{name} cannot be used over folds"):
            run_folds(_config(table, **{name: value}), 2, tmp_path / "runs")
    with pytest.raises(ConfigError, match="pretrained cannot be used over folds"):
        run_folds(TrainingConfig(dataset="nsmc", pretrained=str(DEFAULT_STORE / "gru" / "1")), 2, tmp_path / "runs")
    with pytest.raises(ConfigError, match="2 folds or more, found 1"):
        run_folds(_config(table), 1, tmp_path / "runs")


def test_linear_teachers_learn_anew_for_each_fold_and_are_never_shown_it(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNCHI_DATA_DIR", str(tmp_path / "data"))
    further = tmp_path / "data" / "nsmc" / "reviews_unlabelled.txt"
    further.parent.mkdir(parents=True)
    further.write_text("좋은 하루\n아쉬운 하루\n긴 하루\n", encoding="utf-8")
    flags = ("--teacher", "linear", "nbsvm", "--texts", "2", *FLAGS)

    assert main(["folds", "--dataset", str(table), "--folds", "2", "--runs", str(tmp_path / "runs"), *flags]) == 0

    for number in (1, 2):
        run = tmp_path / "runs" / f"fold-{number}-of-2"
        config = read_config(run / "config.toml", {})
        corpus = load_corpus(config)
        labelled = read_soft_labels(run / "soft_labels.tsv", corpus.train.labels)
        assert config.extra == str(run / "soft_labels.tsv")
        further_texts = set(labelled.texts) - set(corpus.train.texts)
        assert set(corpus.train.texts) < set(labelled.texts)
        assert len(further_texts) == 2
        assert further_texts < {"좋은 하루", "아쉬운 하루", "긴 하루"}
        origin = read_origin(run / "soft_labels.tsv", config)
        assert origin
        assert origin.details["folds"] == 5


def test_teachers_label_texts_made_of_what_each_fold_learns_from(table: Path, tmp_path: Path) -> None:
    flags = ("--teacher", "linear", "--spliced", "60", *FLAGS)

    assert main(["folds", "--dataset", str(table), "--folds", "2", "--runs", str(tmp_path / "runs"), *flags]) == 0

    for number in (1, 2):
        run = tmp_path / "runs" / f"fold-{number}-of-2"
        corpus = load_corpus(read_config(run / "config.toml", {}))
        labelled = read_soft_labels(run / "soft_labels.tsv", corpus.train.labels)
        words = {word for text in corpus.train.texts for word in normalize(text).split(" ")}
        assert 0 < len(labelled) <= 60
        assert {word for text in labelled.texts for word in text.split(" ")} <= words
        assert not set(labelled.texts) & {normalize(text) for text in corpus.test.texts}


def test_labels_of_teachers_of_one_fold_do_not_serve_another(table: Path, tmp_path: Path) -> None:
    config = _config(table, fold="1/4")
    write_soft_labels(tmp_path / "soft.tsv", Origin("B", split_of(config)), ["좋다"], np.array([[0.1, 0.9]]))

    assert read_origin(tmp_path / "soft.tsv", config)
    with pytest.raises(DataError, match="their fold is '1/4', here it is '2/4'"):
        read_origin(tmp_path / "soft.tsv", replace(config, fold="2/4"))
