import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.text import normalize
from tests.training.conftest import POSITIVE
from training.config import TrainingConfig
from training.datasets import Dataset, load_corpus, read_soft_labels
from training.errors import ConfigError, DataError, ResumeError
from training.labelling import Labelling, combine, label_further, mean_log_odds, mix_stars
from training.provenance import origin_of
from training.soft_labels import read_origin
from training.teachers import Judged, check_run, load_material


@pytest.fixture
def config(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingConfig:
    """Settings of a table of reviews, known as nsmc, with further reviews beside it: some of its own, and new ones."""
    monkeypatch.delenv("NUNCHI_DATA_DIR", raising=False)
    further = tmp_path / "data" / "nsmc"
    further.mkdir(parents=True)
    own = TrainingConfig(dataset=str(table), data_dir=str(tmp_path / "data"), validation_share=0.3)
    corpus = load_corpus(own)
    monkeypatch.setitem(_datasets(), "nsmc", lambda directory, config: corpus)
    texts = [*corpus.validation.texts[:3], *corpus.test.texts[:3], *(f"{text} 그런데요" for text in POSITIVE), "  "]
    (further / "reviews_unlabelled.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    (further / "reviews_unlabelled.ratings.txt").write_text("1\n" * 6 + "10\n9\n8\n5\n1\n" + "7\n")
    return TrainingConfig(dataset="nsmc", data_dir=str(tmp_path / "data"), validation_share=0.3)


def _datasets() -> Any:
    from training import datasets

    return datasets.DATASETS


def test_further_reviews_are_labelled_by_several_teachers(config: TrainingConfig, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "soft.tsv"

    origin = label_further(config, Labelling(("linear", "nbsvm")), out)
    labelled = read_soft_labels(out, ("bad", "good"))

    assert labelled.texts == [f"{text} 그런데요" for text in POSITIVE]
    assert (labelled.classes == 1).all()
    assert origin == read_origin(out, config)
    assert origin.track == "B"
    assert list(origin.teachers) == ["linear", "nbsvm", "together"]


def test_no_text_of_the_other_parts_is_labelled_or_learnt_from(config: TrainingConfig) -> None:
    material = load_material(config, with_stars=True)

    apart = {normalize(text) for part in (material.corpus.validation, material.corpus.test) for text in part.texts}

    assert len(material.further) == 6
    assert not {normalize(text) for text in material.further.texts} & apart


def test_stars_tell_a_class_at_both_ends_only(config: TrainingConfig) -> None:
    material = load_material(config, with_stars=True)

    assert material.further.targets.tolist() == [[0, 1], [0, 1], [0, 0], [0, 0], [1, 0], [0, 0]]
    assert material.rated.tolist() == [0, 1, 4]
    assert load_material(config, with_stars=False).rated.tolist() == []


def test_half_of_a_target_is_the_rating_where_it_tells_a_class() -> None:
    teacher = np.array([[0.2, 0.8], [0.2, 0.8], [0.2, 0.8]])
    rated = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)

    np.testing.assert_allclose(mix_stars(teacher, rated), [[0.6, 0.4], [0.1, 0.9], [0.2, 0.8]])


def test_labels_that_know_the_stars_say_so(config: TrainingConfig, tmp_path: Path) -> None:
    plain = label_further(config, Labelling(), tmp_path / "plain.tsv")
    mixed = label_further(config, Labelling(stars=True), tmp_path / "mixed.tsv")
    learnt = label_further(config, Labelling(learn_stars=True, folds=2), tmp_path / "learnt.tsv")

    before, after = (read_soft_labels(tmp_path / name, ("bad", "good")).targets for name in ("plain.tsv", "mixed.tsv"))
    np.testing.assert_allclose(after[4], (before[4] + [1, 0]) / 2, atol=1e-4)
    assert [origin.track for origin in (plain, mixed, learnt)] == ["B", "B with stars", "B with stars"]


def test_the_training_part_is_labelled_on_request(config: TrainingConfig, tmp_path: Path) -> None:
    label_further(config, Labelling(folds=3, include_training=True), tmp_path / "soft.tsv")

    texts = read_soft_labels(tmp_path / "soft.tsv", ("bad", "good")).texts
    assert texts[: len(texts) - 5] == [normalize(text) for text in load_corpus(config).train.texts]


def test_texts_made_of_the_training_part_are_labelled_on_request(config: TrainingConfig, tmp_path: Path) -> None:
    origin = label_further(config, Labelling(spliced=300), tmp_path / "soft.tsv")

    texts = read_soft_labels(tmp_path / "soft.tsv", ("bad", "good")).texts
    corpus = load_corpus(config)
    words = {word for text in corpus.train.texts for word in normalize(text).split(" ")}
    apart = {normalize(text) for part in (corpus.validation, corpus.test) for text in part.texts}
    assert 0 < len(texts) <= 300
    assert {word for text in texts for word in text.split(" ")} <= words
    assert not set(texts) & apart
    assert origin.track == "A"
    assert origin_of(replace(config, extra=str(tmp_path / "soft.tsv")))["track"] == "A"
    assert origin_of(replace(config, extra=str(tmp_path / "soft.tsv"), pretrained="runs/language"))["track"] == "B"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"spliced": 0}, "spliced must be 1 or more"),
        ({"spliced": 5, "stars": True}, "no stars"),
        ({"spliced": 5, "texts": 5}, "as many as asked for"),
        ({"teachers": ("linear", "linear")}, "named twice"),
        ({"folds": 0}, "1 or more"),
        ({"include_training": True}, "2 or more folds"),
        ({"include_training": True, "folds": 3, "teachers": ("runs/gru",)}, "only linear teachers"),
    ],
)
def test_a_labelling_that_makes_no_sense_is_refused(how: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Labelling(**how)


def test_teachers_are_combined_by_the_rule_that_validation_prefers() -> None:
    validation = Dataset(["가", "나"], np.eye(2, dtype=np.float32)[[1, 1]], ("a", "b"))
    sure, wrong = np.array([[0.001, 0.999]] * 2), np.array([[0.6, 0.4]] * 2)

    rules = []
    for one, other in ((sure, wrong), (1 - sure, 1 - wrong)):
        together, rule = combine([Judged(one, one, one), Judged(other, other, other)], validation)
        rules.append(rule)
        np.testing.assert_allclose(together.further.sum(axis=1), 1)

    assert rules == ["mean of log-odds", "mean of probabilities"]


def test_the_mean_of_log_odds_is_that_of_two_classes() -> None:
    one, other = np.array([[0.5, 0.5]]), np.array([[0.1, 0.9]])

    mean = mean_log_odds([one, other])

    np.testing.assert_allclose(np.log(mean[0, 1] / mean[0, 0]), np.log(9) / 2)


@pytest.mark.parametrize(
    ("settings", "labels", "reason"),
    [
        ("dataset = 'nsmc'\nsplit_seed = 8", '["bad", "good"]', "its split_seed is 8, here it is 7"),
        ("dataset = 'nsmc'\nvalidation_share = 0.2", '["bad", "good"]', "its validation_share is 0.2"),
        ("dataset = 'nsmc'", '["good", "bad"]', "tells good, bad apart"),
    ],
)
def test_a_run_that_may_have_seen_what_it_shall_not_does_not_teach(
    tmp_path: Path, settings: str, labels: str, reason: str
) -> None:
    (tmp_path / "config.toml").write_text(settings)
    (tmp_path / "labels.json").write_text(labels)

    with pytest.raises(ConfigError, match=reason):
        check_run(tmp_path, ("bad", "good"), TrainingConfig())


def test_a_teacher_that_is_neither_linear_nor_a_run_is_named(config: TrainingConfig, tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="nowhere is neither a linear teacher nor a finished run"):
        label_further(config, Labelling(("nowhere",)), tmp_path / "soft.tsv")


@pytest.mark.parametrize(("ratings", "reason"), [("10\n0\n", ":2: '0' is not a rating"), ("1\n2\n", "2 ratings of 12")])
def test_malformed_ratings_are_named(config: TrainingConfig, ratings: str, reason: str) -> None:
    (Path(config.data_dir) / "nsmc" / "reviews_unlabelled.ratings.txt").write_text(ratings)

    with pytest.raises(DataError, match=reason):
        load_material(config, with_stars=True)


def test_stars_say_nothing_about_other_labels(table: Path, config: TrainingConfig) -> None:
    with pytest.raises(ConfigError, match="star ratings tell nothing"):
        load_material(TrainingConfig(dataset=str(table), data_dir=config.data_dir), with_stars=True)


def test_labels_that_do_not_say_where_they_are_from_may_know_the_stars(tmp_path: Path) -> None:
    (tmp_path / "soft.tsv").write_text("좋다\t0.1\t0.9\n", encoding="utf-8")

    assert origin_of(TrainingConfig()) == {"track": "A"}
    assert origin_of(TrainingConfig(variant="pretrained_embedding")) == {"track": "B"}
    assert origin_of(TrainingConfig(pretrained="runs/language")) == {"track": "B"}
    assert origin_of(TrainingConfig(phrases=60)) == {"track": "A", "phrases": 60}
    assert origin_of(TrainingConfig(extra=str(tmp_path / "soft.tsv"))) == {"track": "B with stars"}


@pytest.mark.tensorflow
def test_a_run_teaches_and_what_it_taught_is_noted(config: TrainingConfig, tmp_path: Path) -> None:
    from training.recipe import load_run, train_variant

    size: dict[str, Any] = {"vocabulary": 70, "embedding": 8, "units": 8, "epochs": 1, "batch_size": 16}
    settings: dict[str, Any] = {"data_dir": config.data_dir, "validation_share": 0.3, **size}
    train_variant(TrainingConfig(**settings), tmp_path / "teacher")
    out = tmp_path / "soft.tsv"
    origin = label_further(config, Labelling((str(tmp_path / "teacher"), "linear"), stars=True), out)

    pupil = train_variant(TrainingConfig(**settings, extra=str(out)), tmp_path / "pupil")
    os.remove(out)

    assert len(origin.teachers) == 3
    assert pupil.origin["track"] == load_run(tmp_path / "pupil").origin["track"] == "B with stars"
    assert pupil.origin["soft_labels"]["teachers"] == origin.teachers
    with pytest.raises(ConfigError, match="may have seen validation texts"):
        label_further(
            TrainingConfig(data_dir=config.data_dir, validation_share=0.2), Labelling((str(tmp_path / "teacher"),)), out
        )
