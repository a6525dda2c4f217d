from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.config import OPTIMIZERS, SCHEDULES, TrainingConfig
from training.errors import ResumeError

pytestmark = pytest.mark.tensorflow

LOSSES = ("crossentropy", "mse", "mae", "mape", "msle", "cosine", "huber", "log_cosh")


class InterruptedRunError(Exception):
    """Stands for a loss of power after an epoch."""


def _config(table: Path, **settings: Any) -> TrainingConfig:
    defaults: dict[str, Any] = {
        "dataset": str(table),
        "vocabulary": 70,
        "length": 16,
        "embedding": 8,
        "units": 8,
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 0.02,
    }
    return TrainingConfig(**{**defaults, **settings})


def _train(config: TrainingConfig, run: Path) -> Any:
    from training.recipe import train_variant

    return train_variant(config, run)


def _same_weights(first: Any, second: Any) -> bool:
    pairs = zip(first.model.get_weights(), second.model.get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_a_seed_gives_the_same_model_again_and_another_seed_another(table: Path, tmp_path: Path) -> None:
    config = _config(table, dropout=0.2, spatial_dropout=0.2)

    first, second = _train(config, tmp_path / "1"), _train(config, tmp_path / "2")
    other = _train(_config(table, dropout=0.2, spatial_dropout=0.2, seed=8), tmp_path / "3")

    assert _same_weights(first, second)
    assert not _same_weights(first, other)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.3},
        {"weight_average": 0.9, "piece_sampling": 0.2, "typo_noise": 0.1},
        {"ngrams": 3},
    ],
    ids=str,
)
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    from training import trainer

    config = _config(table, head_dropout=0.3, schedule="cosine", **settings)
    whole = _train(config, tmp_path / "whole")
    save = trainer._save

    def save_and_die(*arguments: Any) -> None:
        save(*arguments)
        raise InterruptedRunError

    monkeypatch.setattr(trainer, "_save", save_and_die)
    with pytest.raises(InterruptedRunError):
        _train(config, tmp_path / "cut")
    monkeypatch.undo()
    resumed = _train(config, tmp_path / "cut")

    assert _same_weights(resumed, whole)
    assert [epoch.number for epoch in resumed.epochs] == [1, 2, 3]


def test_training_learns_and_keeps_the_best_epoch(table: Path, tmp_path: Path) -> None:
    from training.history import best

    trained = _train(_config(table, epochs=6), tmp_path / "run")

    assert best(trained.epochs, trained.config.choose_by).validation_accuracy > 0.9
    assert trained.epochs[-1].loss < trained.epochs[0].loss


@pytest.mark.parametrize("by", ["accuracy", "loss"])
def test_a_run_keeps_the_weights_of_the_epoch_that_is_best_by_what_was_asked_for(
    table: Path, tmp_path: Path, by: str
) -> None:
    from training.classification import Classification
    from training.datasets import load_corpus
    from training.epochs import EpochRows
    from training.history import best
    from training.rows import encode_rows

    config = _config(table, epochs=6, choose_by=by)
    trained = _train(config, tmp_path / "run")
    corpus = load_corpus(config)
    rows = encode_rows(corpus.validation, trained.encoder, 256, keep_empty=True)
    figures = Classification(EpochRows(corpus.train, trained.encoder, config), rows, config).validate(trained.model)

    chosen = best(trained.epochs, by)
    assert figures["validation_loss"] == pytest.approx(chosen.validation_loss, abs=1e-5)
    assert best(trained.epochs, "accuracy").number < best(trained.epochs, "loss").number


def test_patience_stops_a_run_that_gets_no_better(table: Path, tmp_path: Path) -> None:
    trained = _train(_config(table, epochs=50, patience=2), tmp_path / "run")

    assert len(trained.epochs) < 50


def test_a_run_writes_logs_for_tensorboard(table: Path, tmp_path: Path) -> None:
    _train(_config(table, epochs=1), tmp_path / "run")

    assert list((tmp_path / "run" / "tensorboard").glob("events.out.tfevents.*"))


def test_a_run_of_other_settings_is_not_continued(table: Path, tmp_path: Path) -> None:
    _train(_config(table, epochs=1), tmp_path / "run")

    with pytest.raises(ResumeError, match="belongs to a run with other settings"):
        _train(_config(table, epochs=1, units=9), tmp_path / "run")


def test_a_damaged_checkpoint_is_named(table: Path, tmp_path: Path) -> None:
    config = _config(table, epochs=1)
    _train(config, tmp_path / "run")
    (tmp_path / "run" / "checkpoint.npz").write_bytes(b"no weights")

    with pytest.raises(ResumeError, match="does not fit this model"):
        _train(config, tmp_path / "run")


def test_a_directory_without_a_run_is_named(tmp_path: Path) -> None:
    from training.recipe import load_run

    with pytest.raises(ResumeError, match="holds no trained model"):
        load_run(tmp_path)


def test_further_texts_with_soft_labels_are_learnt_from(table: Path, tmp_path: Path) -> None:
    soft = tmp_path / "soft.tsv"
    soft.write_text("정말 좋다\t0.1\t0.9\n" * 50, encoding="utf-8")
    config = _config(table, epochs=1)

    without = _train(config, tmp_path / "without")
    beside = _train(_config(table, epochs=1, extra=str(soft)), tmp_path / "with")

    assert not _same_weights(without, beside)


def test_further_texts_that_stand_in_the_other_parts_are_left_out(table: Path, tmp_path: Path) -> None:
    from training.datasets import load_corpus
    from training.recipe import _with_extra

    corpus = load_corpus(_config(table))
    texts = ["정말 좋다", corpus.validation.texts[0] + "  ", corpus.test.texts[0]]
    soft = tmp_path / "soft.tsv"
    soft.write_text("".join(f"{text}\t0.1\t0.9\n" for text in texts), encoding="utf-8")

    train = _with_extra(corpus, _config(table, extra=str(soft)))

    assert list(train.texts[len(corpus.train) :]) == ["정말 좋다"]


@pytest.mark.parametrize(
    "settings",
    [
        *({"optimizer": name} for name in OPTIMIZERS),
        *({"loss": name} for name in LOSSES),
        *({"schedule": name} for name in SCHEDULES),
        {"clip_norm": 0.5},
        {"label_smoothing": 0.1, "weight_average": 0.9},
        {"piece_sampling": 0.2, "blank_noise": 0.5, "typo_noise": 0.1},
        {"recurrent_dropout": 0.2, "layers": 2, "direction": "bidirectional"},
        {"variant": "pretrained_embedding"},
    ],
    ids=str,
)
def test_every_choice_trains_to_finite_weights(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "reviews_unlabelled.txt").write_text("정말 재미있게 봤어요\n너무 지루해요\n" * 20)
    monkeypatch.setenv("NUNCHI_DATA_DIR", str(tmp_path))
    config = _config(table, epochs=1, **settings)

    trained = _train(config, tmp_path / "run")

    assert all(np.isfinite(weight).all() for weight in trained.model.get_weights())
    assert np.isfinite(trained.epochs[0].loss)


def test_frozen_word_vectors_stay_as_they_are(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "reviews_unlabelled.txt").write_text("정말 재미있게 봤어요\n너무 지루해요\n" * 20)
    monkeypatch.setenv("NUNCHI_DATA_DIR", str(tmp_path))
    from training.datasets import load_unlabelled
    from training.vectors import train_vectors

    config = _config(table, variant="pretrained_embedding", epochs=2)
    trained = _train(config, tmp_path / "run")

    vectors = train_vectors(trained.encoder, load_unlabelled(config), config.embedding, config.seed)
    np.testing.assert_array_equal(trained.model.get_layer("embedding").get_weights()[0], vectors)
    assert np.abs(vectors).sum() > 0
