"""Noise: what it changes, what it leaves, and that it can be repeated."""

import unicodedata

import numpy as np
import pytest

from training.noise import drop_blanks, with_typos

TEXT = "배우들 연기가 살아 있어서 두 시간이 금방 갔어요 ^^ 10점!"
EVERY_SYLLABLE = "".join(map(chr, range(ord("가"), ord("힣") + 1)))


def test_all_kinds_of_blanks_are_dropped() -> None:
    assert drop_blanks(" 정말\t좋은 \n영화\u3000네 ") == "정말좋은영화네"


def test_the_same_seed_gives_the_same_typos_and_another_seed_others() -> None:
    first, again, other = (with_typos(TEXT, 0.3, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert first != TEXT


def test_without_a_rate_nothing_changes() -> None:
    assert with_typos(TEXT, 0.0, np.random.default_rng(1)) == TEXT


@pytest.mark.parametrize("text", ["", "ok good 10/10 ^^;; ㅋㅋㅋ ㅠㅠ 👍"])
def test_what_is_no_hangul_syllable_stays(text: str) -> None:
    assert with_typos(text, 1.0, np.random.default_rng(1)) == text


def test_about_as_many_syllables_are_hit_as_asked() -> None:
    generator = np.random.default_rng(3)
    changed = sum(with_typos(syllable, 0.05, generator) != syllable for syllable in EVERY_SYLLABLE)
    assert 0.043 <= changed / len(EVERY_SYLLABLE) <= 0.057


def test_every_syllable_can_be_misspelt_in_every_way_and_is_never_spelt_right() -> None:
    for syllable in EVERY_SYLLABLE[::7]:
        spellings = {with_typos(syllable, 1.0, np.random.default_rng(seed)) for seed in range(12)}
        assert syllable not in spellings
        assert len(spellings) > 2


def test_a_syllable_may_change_places_with_the_next() -> None:
    assert "화영" in {with_typos("영화", 0.999, np.random.default_rng(seed))[:2] for seed in range(300)}


def test_decomposed_text_gets_the_same_typos_as_composed_text() -> None:
    decomposed = unicodedata.normalize("NFD", TEXT)
    expected = with_typos(TEXT, 0.3, np.random.default_rng(1))
    assert with_typos(decomposed, 0.3, np.random.default_rng(1)) == expected
