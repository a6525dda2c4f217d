import pytest

from model_store.encoder import ENCODERS
from tests.training.conftest import reviews
from training.encoders import build_encoder
from training.errors import ConfigError

TEXTS = [text for text, _ in reviews()]


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_encoder_knows_the_texts_it_was_built_from(kind: str) -> None:
    encoder = build_encoder(kind, 70, TEXTS)

    assert encoder.size <= 70
    assert sum(encoder.encode(text, 100).unknown for text in TEXTS) <= 0.1 * len(TEXTS)


@pytest.mark.parametrize("kind", ENCODERS)
def test_the_same_texts_give_the_same_encoder(kind: str) -> None:
    first, second = build_encoder(kind, 70, TEXTS), build_encoder(kind, 70, TEXTS)

    assert [first.encode(text, 100) for text in TEXTS] == [second.encode(text, 100) for text in TEXTS]


def test_the_most_frequent_words_are_kept() -> None:
    encoder = build_encoder("word", 3, ["좋다 영화", "좋다"])

    assert encoder.encode("좋다 영화", 9).ids == [2, 1]


def test_fewer_pieces_come_out_where_the_texts_hold_no_more() -> None:
    assert 50 < build_encoder("subword", 5_000, TEXTS).size < 200


def test_too_few_pieces_for_the_characters_are_an_error() -> None:
    with pytest.raises(ConfigError, match="5 pieces do not cover the characters"):
        build_encoder("subword", 5, TEXTS)
