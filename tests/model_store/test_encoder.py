import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.encoder import (
    PADDING_ID,
    UNKNOWN_ID,
    CharacterEncoder,
    EncoderSpec,
    SubwordEncoder,
    TextEncoder,
    WordEncoder,
    load_encoder,
)
from model_store.errors import EncoderError


def test_words_get_the_ids_of_their_lines(word_encoder: WordEncoder) -> None:
    assert word_encoder.encode("최악 영화", 10).ids == [4, 2]


def test_what_is_not_in_the_vocabulary_is_counted_as_unknown(word_encoder: WordEncoder) -> None:
    encoded = word_encoder.encode("영화 재미 좋다", 10)

    assert encoded.ids == [2, UNKNOWN_ID, 3]
    assert encoded.unknown == 1


def test_a_long_text_keeps_its_beginning(word_encoder: WordEncoder) -> None:
    encoded = word_encoder.encode("영화 좋다 최악", 2)

    assert encoded.ids == [2, 3]
    assert encoded.truncated


def test_a_text_of_just_the_limit_is_not_truncated(word_encoder: WordEncoder) -> None:
    assert not word_encoder.encode("영화 좋다", 2).truncated


@pytest.mark.parametrize("count", [0, 3, 2_000])
@pytest.mark.parametrize("kind", ["word", "character", "subword"])
def test_many_texts_are_encoded_as_each_would_be(kind: str, count: int, subword_encoder: SubwordEncoder) -> None:
    encoders = {"word": WordEncoder(["영화"]), "character": CharacterEncoder(["영"]), "subword": subword_encoder}
    texts = [
        "정말 영화",
        " ",
        "",
        "ㅋㅋㅋㅋㅋ 배우\n\n연기가   좋다",
        "A" * 30,
        "👍\u1112\u1161",
        "너무 지루한 영화 " * 9,
    ]
    texts = (texts * count)[:count]

    encoded = encoders[kind].encode_all(texts, 20)

    assert encoded == [encoders[kind].encode(text, 20) for text in texts]


def test_blanks_alone_have_no_ids(word_encoder: WordEncoder, subword_encoder: SubwordEncoder) -> None:
    for encoder in (word_encoder, subword_encoder, CharacterEncoder(["영"])):
        assert encoder.encode(" \n ", 10).ids == []


def test_characters_leave_blanks_out() -> None:
    assert CharacterEncoder(["영", "화"]).encode("영 화", 10).ids == [2, 3]


@given(st.text())
def test_padding_never_occurs_in_an_encoded_text(text: str) -> None:
    encoders: list[TextEncoder] = [WordEncoder(["영화"]), CharacterEncoder(["영", "화"])]

    assert all(PADDING_ID not in encoder.encode(text, 1000).ids for encoder in encoders)


@given(st.text(alphabet="영화좋다최악 ㅋGg👍\u1100\u1161"))
def test_tokens_carry_the_ids_of_encode(subword_encoder: SubwordEncoder, text: str) -> None:
    for encoder in (subword_encoder, WordEncoder(["영화", "좋다"]), CharacterEncoder(["영", "화"])):
        tokens = encoder.tokens(text)

        assert [token.id for token in tokens] == encoder.encode(text, 10_000).ids
        assert all(0 <= token.start <= token.end <= len(text) for token in tokens)
        assert all(one.start <= next_.start and one.end <= next_.end for one, next_ in pairwise(tokens))


def test_tokens_point_at_the_text_as_it_was_given(word_encoder: WordEncoder) -> None:
    text = unicodedata.normalize("NFD", "  영화") + "   좋다ㅋㅋㅋㅋㅋ"

    first, second = word_encoder.tokens(text)

    assert unicodedata.normalize("NFC", text[first.start : first.end]) == "영화"
    assert text[second.start : second.end] == "좋다ㅋㅋㅋㅋㅋ"


def test_a_piece_that_stands_for_no_character_covers_none(subword_encoder: SubwordEncoder) -> None:
    first, second, *_ = subword_encoder.tokens("{영화 정말 좋았어요")
    assert (first.start, first.end, second.start) == (0, 0, 0)


def test_pieces_do_not_cover_the_blank_before_them(subword_encoder: SubwordEncoder) -> None:
    text = "정말 재미있는 영화"

    assert not any(text[t.start : t.end].startswith(" ") for t in subword_encoder.tokens(text) if t.end - t.start > 1)


@pytest.mark.parametrize("kind", ["word", "character", "subword"])
def test_a_saved_encoder_gives_the_same_ids(kind: str, tmp_path: Path, subword_encoder: SubwordEncoder) -> None:
    encoder = {"word": WordEncoder(["영화"]), "character": CharacterEncoder(["영"]), "subword": subword_encoder}[kind]
    encoder.save(tmp_path)

    loaded = load_encoder(tmp_path, EncoderSpec(kind, encoder.size, 1))

    assert loaded.encode("정말 영화", 10) == encoder.encode("정말 영화", 10)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="unknown encoder kind 'morpheme'"):
        load_encoder(tmp_path, EncoderSpec("morpheme", 5, 1))


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path, word_encoder: WordEncoder) -> None:
    word_encoder.save(tmp_path)

    with pytest.raises(EncoderError, match="has 5 ids, the manifest says 6"):
        load_encoder(tmp_path, EncoderSpec("word", 6, 1))


@pytest.mark.parametrize("kind", ["word", "subword"])
def test_an_unreadable_encoder_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "pieces.model").write_bytes(b"\xff\xfe no model")
    (tmp_path / "vocabulary.txt").write_bytes(b"\xff\xfe")

    with pytest.raises(EncoderError, match="cannot be read"):
        load_encoder(tmp_path, EncoderSpec(kind, 5, 1))


def test_a_unit_listed_twice_is_refused() -> None:
    with pytest.raises(EncoderError, match="1 units twice"):
        WordEncoder(["영화", "영화"])
