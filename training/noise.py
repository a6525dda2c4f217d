"""Text as hasty people type it: without blanks, with slips of the keyboard. For robustness figures and for training."""

import unicodedata
from functools import cache

import numpy as np

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")


def _near(table: str) -> dict[str, str]:
    """Read words, each a jamo and those that stand near it on the two-set keyboard or sound like it there."""
    return {word[0]: word[1:] for word in table.split()}


_NEAR_INITIALS = _near(
    "ㄱㄷㅅㄹㄲㅋ ㄲㄱㅋ ㄴㅈㅁㅇㅌ ㄷㅈㄱㅇㄸㅌ ㄸㄷㅌ ㄹㄱㅇㅎㅍ ㅁㅂㄴㅋ ㅂㅈㅁㅃㅍ ㅃㅂㅍ ㅅㄱㅎㅆ "
    "ㅆㅅㄱ ㅇㄷㄴㄹㅊ ㅈㅂㄷㄴㅉㅊ ㅉㅈㅊ ㅊㅇㅌㅍㅈ ㅋㅁㅌㄱ ㅌㅋㅊㄴㄷ ㅍㅊㄹㅂ ㅎㅅㄹ"
)
_NEAR_VOWELS = _near(
    "ㅏㅓㅣㅑ ㅐㅔㅑㅣ ㅑㅏㅕㅐ ㅒㅐㅖ ㅓㅏㅗㅕ ㅔㅐㅣㅖ ㅕㅑㅛㅓ ㅖㅔㅒㅕ ㅗㅓㅛㅜ ㅘㅏㅗ ㅙㅚㅞㅐ "
    "ㅚㅙㅞㅗ ㅛㅕㅗㅠ ㅜㅠㅡㅗ ㅝㅓㅜ ㅞㅙㅚㅔ ㅟㅣㅜ ㅠㅜㅛ ㅡㅜㅣ ㅢㅣㅡ ㅣㅏㅐㅡ"
)
_NEAR_FINALS = _near(
    "ㄱㄷㅅㄲㅋ ㄲㄱ ㄳㄱ ㄴㅇㅁㅈ ㄵㄴ ㄶㄴㅎ ㄷㅅㄱㅈ ㄹㄱㅇㅎ ㄺㄱㄹ ㄻㅁ ㄼㄹㅂ ㄽㄹ ㄾㄹ ㄿㅍ ㅀㄹㅎ "
    "ㅁㄴㅂ ㅂㅈㅁㅄ ㅄㅂ ㅅㅆㄱㄷ ㅆㅅㄷ ㅇㄴㄹㄷ ㅈㅅㄷ ㅊㅅㅈ ㅋㄱ ㅌㄷㅅ ㅍㅂ ㅎㅅㄹ"
)

_ADDED_FINALS = "ㅇㄴㅅㅁ"


def drop_blanks(text: str) -> str:
    """Return `text` without its blanks."""
    return "".join(text.split())


def with_typos(text: str, rate: float, generator: np.random.Generator) -> str:
    """Return `text` with slips of the keyboard in some of its Hangul syllables.

    A slip takes a neighbouring jamo, loses one, adds one, or swaps the syllable with the next, each as often. What is
    not a composed syllable stays. The same generator in the same state gives the same text.

    Args:
        text: any text; typos are made in NFC, decomposed jamo are composed first.
        rate: probability of a slip in each syllable, 0 to 1.
        generator: is drawn from once for each call.
    """
    characters = list(unicodedata.normalize("NFC", text))
    drawn = generator.random(len(characters))
    for place in (drawn < rate).nonzero()[0].tolist():
        if "가" <= characters[place] <= "힣":
            _slip(characters, place, float(drawn[place]) / rate)
    return "".join(characters)


def _slip(characters: list[str], place: int, choice: float) -> None:
    """Make the slip that `choice`, 0 to 1, picks; where no syllable follows, there is nothing to swap with."""
    misspelt = _misspelt(characters[place])
    swaps = "가" <= "".join(characters[place + 1 : place + 2]) <= "힣"
    kind, within = divmod(choice * (len(misspelt) + swaps), 1)
    if kind == len(misspelt):
        characters[place : place + 2] = characters[place + 1], characters[place]
    else:
        spellings = misspelt[int(kind)]
        characters[place] = spellings[int(within * len(spellings))]


@cache
def _misspelt(syllable: str) -> tuple[tuple[str, ...], ...]:
    """Return the misspellings of one syllable: those with another jamo, with one lost, and with one added."""
    number, final = divmod(ord(syllable) - ord("가"), len(_FINALS))
    initial, vowel = divmod(number, len(_VOWELS))
    other = [
        *(_compose(_INITIALS.index(near), vowel, final) for near in _NEAR_INITIALS[_INITIALS[initial]]),
        *(_compose(initial, _VOWELS.index(near), final) for near in _NEAR_VOWELS[_VOWELS[vowel]]),
        *(_compose(initial, vowel, _FINALS.index(near)) for near in _NEAR_FINALS.get(_FINALS[final], "")),
    ]
    if final:
        return tuple(other), (_compose(initial, vowel, 0),), (syllable + _FINALS[final],)
    added = tuple(_compose(initial, vowel, _FINALS.index(each)) for each in _ADDED_FINALS)
    return tuple(other), (_INITIALS[initial], _VOWELS[vowel]), added


def _compose(initial: int, vowel: int, final: int) -> str:
    return chr(ord("가") + (initial * len(_VOWELS) + vowel) * len(_FINALS) + final)
