from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.encoder import SubwordEncoder
from training.config import TrainingConfig
from training.errors import ConfigError
from training.ngrams import Ngrams, shared_ngrams

pytestmark = pytest.mark.tensorflow

NGRAMS = 3


def _config(table: Path, **settings: Any) -> TrainingConfig:
    small = {"vocabulary": 70, "length": 16, "embedding": 8, "units": 8, "batch_size": 16, "learning_rate": 0.02}
    return TrainingConfig(**{"dataset": str(table), "epochs": 1, "ngrams": NGRAMS, **small, **settings})


def _train(config: TrainingConfig, run: Path) -> Any:
    from training.recipe import train_variant

    return train_variant(config, run)


def _encoder(table: Path, tmp_path: Path) -> SubwordEncoder:
    from training.datasets import load_corpus
    from training.encoders import build_encoder

    encoder = build_encoder("subword", 70, load_corpus(_config(table)).train.texts)
    assert isinstance(encoder, SubwordEncoder)
    encoder.save(tmp_path)
    return encoder


def _ids_with(pieces: list[str], encoder: SubwordEncoder) -> dict[int, set[int]]:
    ngrams: Ngrams = shared_ngrams(encoder, NGRAMS)
    return {
        number: set(ngrams.numbers[number][ngrams.shares[number] > 0].tolist())
        for number in range(encoder.size)
        if _pieces(encoder)[number] in pieces
    }


def _pieces(encoder: SubwordEncoder) -> list[str]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=encoder.model)
    return [processor.id_to_piece(number) for number in range(encoder.size)]


def test_pieces_have_in_common_what_their_characters_are(table: Path, tmp_path: Path) -> None:
    encoder = _encoder(table, tmp_path)
    first, second = _pieces(encoder)[2:], _pieces(encoder)[2:]
    pair = next((a, b) for a in first for b in second if a != b and len(set(a) & set(b) - {"▁"}) > 0)
    alike = list(_ids_with(list(pair), encoder).values())
    other = next(piece for piece in first if not set(piece) & set(pair[0]))
    (unlike,) = _ids_with([other], encoder).values()

    assert alike[0] & alike[1]
    assert not unlike & _ids_with([pair[0]], encoder).popitem()[1]


def test_shares_of_a_piece_add_up_to_one_and_those_of_padding_and_unknown_to_nothing(
    table: Path, tmp_path: Path
) -> None:
    ngrams = shared_ngrams(_encoder(table, tmp_path), NGRAMS)
    sums = ngrams.shares.sum(axis=1)

    assert sums[:2].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(sums[sums > 0], 1.0, rtol=1e-6)
    assert ngrams.numbers.max() == ngrams.count - 1


@pytest.mark.parametrize("variant", ["ann", "embedding", "gru", "stacked_birnn"])
def test_a_folded_model_says_what_the_one_that_learnt_says(table: Path, tmp_path: Path, variant: str) -> None:
    from dataclasses import replace

    from tests.training.models import random_weights
    from training.ngrams import fold
    from training.variants import ModelSpec, build

    encoder = _encoder(table, tmp_path)
    plain = ModelSpec(_config(table, variant=variant, pooling="mean_max", head_dropout=0.2), encoder.size, 2)
    learnt, model = build(replace(plain, ngrams=shared_ngrams(encoder, NGRAMS))), build(plain)
    random_weights(learnt)
    ids = np.random.default_rng(0).integers(0, encoder.size, (20, 12)).astype(np.int32)
    ids[:, 8:] = 0

    fold(learnt, model)

    np.testing.assert_allclose(model(ids), learnt(ids), atol=1e-6)
    without = [*learnt.get_layer("embedding").get_weights()[:1]]
    model.get_layer("embedding").set_weights(without)
    assert not np.allclose(model(ids), learnt(ids), atol=1e-3)


def test_a_run_with_ngrams_ends_as_a_plain_model(table: Path, tmp_path: Path) -> None:
    from training.backend import keras_scorer
    from training.datasets import load_corpus
    from training.rows import encode_rows
    from training.scoring import score_rows

    trained = _train(_config(table, epochs=3), tmp_path / "run")
    plain = _train(_config(table, ngrams=0), tmp_path / "plain")

    shapes = [weight.shape for weight in trained.model.weights]
    assert shapes == [weight.shape for weight in plain.model.weights]
    validation = encode_rows(load_corpus(trained.config).validation, trained.encoder, 256, keep_empty=True)
    right = score_rows(keras_scorer(trained.model), validation).argmax(axis=1) == validation.targets.argmax(axis=1)
    assert right.mean() == pytest.approx(max(epoch.validation_accuracy for epoch in trained.epochs))


def test_all_forms_that_are_published_agree_with_the_folded_model(table: Path, tmp_path: Path) -> None:
    from model_store.layout import EXTRA, FUSED_BATCH_GRAPH
    from training.datasets import load_corpus
    from training.exporter import write_forms
    from training.rows import encode_rows

    trained = _train(_config(table, pooling="mean_max"), tmp_path / "run")
    rows = encode_rows(load_corpus(trained.config).validation, trained.encoder, 256)

    staged = tmp_path / "staged"
    (staged / EXTRA).mkdir(parents=True)

    assert write_forms(trained.model, staged, rows) == ""
    assert (staged / FUSED_BATCH_GRAPH).exists()


def test_training_with_ngrams_starts_from_the_vectors_of_a_pretrained_run(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from training.pretraining import pretrain, start_from
    from training.runs import read_encoder
    from training.variants import ModelSpec, build

    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "reviews_unlabelled.txt").write_text("정말 재미있게 봤어요\n너무 지루해요\n" * 30)
    monkeypatch.setenv("NUNCHI_DATA_DIR", str(tmp_path))
    before = tmp_path / "before"
    pretrain(_config(table, ngrams=0), before)
    encoder = read_encoder(before)
    spec = ModelSpec(_config(table, ngrams=0), encoder.size, 2)
    learning, plain = build(replace(spec, ngrams=shared_ngrams(encoder, NGRAMS))), build(spec)

    start_from(before, learning, spec)
    start_from(before, plain, spec)

    np.testing.assert_array_equal(learning.get_layer("embedding").folded(), plain.get_layer("embedding").embeddings)


def test_where_ngrams_make_no_sense_they_are_refused(table: Path, tmp_path: Path) -> None:
    from training.pretraining import pretrain

    with pytest.raises(ConfigError, match="ngrams needs the encoder subword, found character"):
        _train(_config(table, encoder="character"), tmp_path / "character")
    with pytest.raises(ConfigError, match="pretrained_embedding do not learn: leave ngrams out"):
        _train(_config(table, variant="pretrained_embedding"), tmp_path / "frozen")
    with pytest.raises(ConfigError, match="leave ngrams to `train`"):
        pretrain(_config(table), tmp_path / "before")
