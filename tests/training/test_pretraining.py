import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.layout import DEFAULT_STORE
from training.config import TrainingConfig
from training.errors import ConfigError, ResumeError

pytestmark = pytest.mark.tensorflow

FURTHER = "정말 재미있게 봤어요\n너무 지루해요\n" * 30


@pytest.fixture(autouse=True)
def _further_reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "reviews_unlabelled.txt").write_text(FURTHER)
    monkeypatch.setenv("NUNCHI_DATA_DIR", str(tmp_path))


def _config(table: Path, **settings: Any) -> TrainingConfig:
    small = {"vocabulary": 70, "length": 16, "embedding": 8, "units": 8, "batch_size": 16, "learning_rate": 0.02}
    return TrainingConfig(**{"dataset": str(table), **small, **settings})


@pytest.mark.parametrize("foils", [None, 30])
@pytest.mark.parametrize("variant", ["rnn", "bilstm", "stacked_bigru"])
def test_a_language_model_learns_to_foresee(table: Path, tmp_path: Path, variant: str, foils: int | None) -> None:
    from training.pretraining import pretrain

    epochs = pretrain(_config(table, variant=variant, foils=foils, epochs=8), tmp_path / "run")

    assert epochs[-1].validation_loss < 0.85 * epochs[0].validation_loss


def test_training_starts_from_the_vectors_the_layer_and_the_encoder_learnt_before(table: Path, tmp_path: Path) -> None:
    from training.pretraining import language_model, pretrain, start_from
    from training.runs import read_encoder
    from training.variants import ModelSpec, build

    config = _config(table, variant="bigru", epochs=1)
    pretrain(config, tmp_path / "before")
    spec = ModelSpec(_config(table, variant="bigru", pooling="mean_max"), read_encoder(tmp_path / "before").size, 2)
    learnt = language_model(ModelSpec(config, spec.vocabulary, 2))
    learnt.load_weights(tmp_path / "before" / "best.weights.h5")
    model = build(spec)
    start_from(tmp_path / "before", model, spec)

    for name in ("embedding", "recurrent_1"):
        for ours, theirs in zip(model.get_layer(name).get_weights(), learnt.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_pretrained_run_trains_on_with_its_encoder(table: Path, tmp_path: Path) -> None:
    from training.pretraining import pretrain
    from training.recipe import train_variant

    pretrain(_config(table, epochs=1, vocabulary=68), tmp_path / "before")
    train_variant(_config(table, epochs=1, pretrained=str(tmp_path / "before")), tmp_path / "after")

    pieces = [(tmp_path / run / "pieces.model").read_bytes() for run in ("before", "after")]
    assert pieces[0] == pieces[1]


def test_training_starts_from_a_published_version_too() -> None:
    from training.pretraining import start_from
    from training.restoring import keras_model
    from training.runs import read_encoder, read_settings, stored_at
    from training.variants import ModelSpec, build

    gru = DEFAULT_STORE / "gru" / "1"
    spec = ModelSpec(replace(read_settings(gru), pooling="last"), read_encoder(gru).size, 3)
    model, stored = build(spec), stored_at(gru)
    start_from(gru, model, spec)

    assert stored is not None
    published = keras_model(stored)
    for name in ("embedding", "recurrent_1"):
        for ours, theirs in zip(
            model.get_layer(name).get_weights(), published.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert read_encoder(gru).tokens("연기가 좋았어요") == stored.load_encoder().tokens("연기가 좋았어요")


def test_a_version_that_was_moved_is_refused_in_words(tmp_path: Path) -> None:
    from training.runs import read_encoder

    shutil.copytree(DEFAULT_STORE / "gru" / "1", tmp_path / "my-gru")
    with pytest.raises(ResumeError, match="must lie in a directory NAME/NUMBER"):
        read_encoder(tmp_path / "my-gru")


def test_what_does_not_fit_is_refused(table: Path, tmp_path: Path) -> None:
    from training.pretraining import pretrain
    from training.recipe import train_variant

    with pytest.raises(ConfigError, match="ann has no recurrent layer to pre-train"):
        pretrain(_config(table, variant="ann"), tmp_path / "none")
    with pytest.raises(ResumeError, match="holds no"):
        train_variant(_config(table, pretrained=str(tmp_path / "nowhere")), tmp_path / "after")
    pretrain(_config(table, epochs=1), tmp_path / "before")
    with pytest.raises(ConfigError, match=r"recurrent_1 of .* does not fit"):
        train_variant(_config(table, pretrained=str(tmp_path / "before"), units=9), tmp_path / "after")


def test_both_neighbours_are_to_be_foreseen_where_a_model_reads_both_ways(table: Path) -> None:
    from training.pretraining import NextUnit
    from training.rows import Rows

    ids = [[2, 3, 4], [5, 6]]
    rows = Rows(ids, np.zeros((2, 2), np.float32), np.zeros(2), np.array([3, 2]))
    task = NextUnit(rows, rows, _config(table, variant="bigru"))

    given, wanted, weights = task.batches(1)[0]

    order = [0, 1] if given[0, 2] == 4 else [1, 0]
    np.testing.assert_array_equal(wanted[order, :3], [[3, 4, 0], [6, 0, 0]])
    np.testing.assert_array_equal(wanted[order][:, given.shape[1] :][:, :3], [[0, 2, 3], [0, 5, 0]])
    assert ((weights > 0) == (wanted > 0)).all()
    assert weights.mean() == pytest.approx(1.0)


def test_neither_padding_nor_the_unit_wanted_is_among_the_foils() -> None:
    from training.layers import FAR_BELOW, AmongFoils

    wanted = np.array([[2, 3, 0], [3, 4, 0]], dtype=np.int32)
    vectors = np.eye(5, dtype=np.float32)[wanted]

    logits = np.asarray(AmongFoils(4)(vectors, wanted, vectors))

    assert logits.shape == (2, 3, 5)
    np.testing.assert_array_equal(logits[..., 0], (wanted >= 0).astype(np.float32))
    foils = np.array([2, 3, 0, 3])
    out = logits[..., 1:] == -FAR_BELOW
    np.testing.assert_array_equal(out, (foils == 0) | (foils == wanted[..., None]))
