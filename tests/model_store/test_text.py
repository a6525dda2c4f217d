import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.text import align, normalize, normalize_all

KOREAN = "정말 재미있게 봤어요"


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        (KOREAN, KOREAN),
        (unicodedata.normalize("NFD", KOREAN), KOREAN),
        ("  두   칸\t띄기\n", "두 칸 띄기"),
        ("한\u3000칸\u00a0반\u200b", "한 칸 반"),
        ("ㅋㅋㅋㅋㅋㅋ", "ㅋㅋㅋ"),
        ("ㅋㅋ", "ㅋㅋ"),
        ("GOOD Movie", "good movie"),
        ("가\x00나", "가 나"),
        ("👍🏽👨‍👩‍👧", "👍🏽👨‍👩‍👧"),
        (" \t\x00 ", ""),
        ("", ""),
    ],
)
def test_normalize_follows_its_rules(given_text: str, expected: str) -> None:
    assert normalize(given_text) == expected


def test_normalize_keeps_letters_that_stand_alone_and_punctuation() -> None:
    assert normalize("ㅠㅠ 아... 이게?!") == "ㅠㅠ 아... 이게?!"


ODD = st.text(
    st.one_of(st.characters(), st.sampled_from("  ㅋㅋㅋㅋ\t\n\r\x00\u200b\u3000AaZ각\u1100\u1161\u11a8\u0301👍"))
)


@given(st.lists(ODD, min_size=1), st.integers(1, 40))
def test_many_texts_are_normalised_as_each_would_be(texts: list[str], times: int) -> None:
    assert normalize_all(texts * times) == [normalize(text) for text in texts] * times


def test_no_texts_are_none() -> None:
    assert normalize_all([]) == []


@given(st.text())
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    once = normalize(text)

    assert normalize(once) == once


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("  ㅋㅋㅋㅋ\t\x00Aa각\u1100\u1161\u11a8\u0301"))))
def test_align_gives_the_same_text_as_normalize(text: str) -> None:
    assert align(text).text == normalize(text)


@given(st.text(alphabet="  ㅋㅋ\tA가\u1100\u1161\u11a8\u0301👍"))
def test_spans_are_in_order_and_inside_the_original(text: str) -> None:
    aligned = align(text)

    assert len(aligned.spans) == len(aligned.text)
    assert all(0 <= start < end <= len(text) for start, end in aligned.spans)
    assert aligned.spans == sorted(aligned.spans)


def test_a_span_covers_all_that_a_character_came_from() -> None:
    text = "아ㅋㅋㅋㅋㅋ"

    aligned = align(text)

    assert [text[start:end] for start, end in aligned.spans] == ["아", "ㅋ", "ㅋ", "ㅋㅋㅋ"]


def test_a_syllable_typed_as_letters_is_one_span() -> None:
    decomposed = unicodedata.normalize("NFD", "좋다")

    assert [end - start for start, end in align(decomposed).spans] == [3, 2]
