"""Normalisation of a text before it is cut into units: one function, versioned.

Steps, in order: Unicode NFC (Hangul typed as single letters becomes syllables); ASCII letters lowered; control
characters and runs of white space become one blank; a character repeated four times or more is kept three times
(ㅋㅋㅋㅋㅋ -> ㅋㅋㅋ). Nothing else is removed: emoticons, letters such as ㅋ and ㅠ, and punctuation carry sentiment.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TEXT_VERSION = 1
"""Raised by one with every change of the rules; a version of a model names the rules it was trained with."""

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\ufeff]+")
_OUTER_BLANKS = re.compile(r"\A | \Z")
_REPEATS = re.compile(r"(.)\1\1\1+")
_THREE = r"\1\1\1"
_UPPER = re.compile(r"[A-Z]")
_BLANK, _NEWLINE = ord(" "), ord("\n")
_LAST_POINT = 0xFFFF
"""Of the first plane, which holds all blanks; itself it stands for no character."""
_WORTH_AN_ARRAY = 32
"""Texts; for fewer, preparing arrays takes longer than they save."""
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class Aligned(NamedTuple):
    """A normalised text and, for each of its characters, the span of the original that it came from."""

    text: str
    spans: list[tuple[int, int]]


def normalize(text: str) -> str:
    """Return `text` by the rules of `TEXT_VERSION`; an empty string when nothing but blanks is left."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if _UPPER.search(text):
        text = text.translate(_ASCII_LOWER)
    # A printable text has no white space but the blank: two quick looks spare most texts the slower search.
    if not text.isprintable() or "  " in text:
        text = _BLANKS.sub(" ", text)
    return _REPEATS.sub(_THREE, text.strip(" "))


def normalize_all(texts: Sequence[str]) -> list[str]:
    """Return what `normalize` returns for each text; of many, in a third of the time.

    All texts are one array of code points, one text a line, and every rule is a look at neighbouring elements.
    """
    if len(texts) < _WORTH_AN_ARRAY:
        return [normalize(text) for text in texts]
    lines = "\n".join([unicodedata.normalize("NFC", text) for text in texts])
    if lines.count("\n") >= len(texts):  # a line break inside of a text is a blank like others
        lines = "\n".join([unicodedata.normalize("NFC", text).replace("\n", " ") for text in texts])
    points = np.frombuffer(f"\n{lines}\n".encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    points = points + 32 * ((points >= ord("A")) & (points <= ord("Z"))).astype(np.uint32)
    points[_blank_points()[np.minimum(points, _LAST_POINT)]] = _BLANK
    points = _single_blanks(points)
    return points[~_fourth_of_a_kind(points)].tobytes().decode("utf-32-le", "surrogatepass")[1:-1].split("\n")


def _single_blanks(points: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Keep the first of several blanks, and none at either end of a line; a line break stands at both ends of all."""
    blank = points == _BLANK
    blank[1:] &= blank[:-1] | (points[:-1] == _NEWLINE)
    points = points[~blank]
    blank = points == _BLANK
    blank[:-1] &= points[1:] == _NEWLINE
    inner: NDArray[np.uint32] = points[~blank]
    return inner


def _fourth_of_a_kind(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Tell what stands behind three of its kind; line breaks may."""
    alike = points[1:] == points[:-1]
    fourth = np.zeros(len(points), dtype=np.bool_)
    fourth[3:] = alike[:-2] & alike[1:-1] & alike[2:] & (points[3:] != _NEWLINE)
    return fourth


@cache
def _blank_points() -> NDArray[np.bool_]:
    """Tell for each code point of the first plane whether it is a blank; line breaks are left out."""
    found = np.zeros(_LAST_POINT + 1, dtype=np.bool_)
    found[[point for point in range(_LAST_POINT) if point != _NEWLINE and _BLANKS.match(chr(point))]] = True
    return found


def align(text: str) -> Aligned:
    """Normalise as `normalize` does and keep track of where each character came from.

    Returns:
        The normalised text and as many half-open spans of code points of the original, in order.
    """
    composed = [
        (character.translate(_ASCII_LOWER), span)
        for start, end in _clusters(text)
        for character in unicodedata.normalize("NFC", text[start:end])
        for span in [(start, end)]
    ]
    aligned = Aligned("".join(c for c, _ in composed), [span for _, span in composed])
    for pattern, replacement in ((_BLANKS, " "), (_OUTER_BLANKS, ""), (_REPEATS, _THREE)):
        aligned = _substitute(aligned, pattern, replacement)
    return aligned


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Cut `text` where composition cannot reach across: before every character that starts a new cluster."""
    start = 0
    for position in range(1, len(text)):
        if not _continues(text[position]):
            yield start, position
            start = position
    if text:
        yield start, len(text)


def _continues(character: str) -> bool:
    hangul_vowel_or_final = "\u1160" <= character <= "\u11ff"
    return hangul_vowel_or_final or unicodedata.category(character)[0] == "M"


def _substitute(aligned: Aligned, pattern: re.Pattern[str], replacement: str) -> Aligned:
    """Apply one rule; the last new character of a match covers all that the match swallowed."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    done = 0
    for match in pattern.finditer(aligned.text):
        new = match.expand(replacement)
        old = aligned.spans[match.start() : match.end()]
        pieces += [aligned.text[done : match.start()], new]
        spans += aligned.spans[done : match.start()]
        if new:
            spans += [*old[: len(new) - 1], (old[len(new) - 1][0], old[-1][1])]
        done = match.end()
    return Aligned("".join([*pieces, aligned.text[done:]]), spans + aligned.spans[done:])
