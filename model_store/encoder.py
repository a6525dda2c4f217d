"""Text encoders: a text becomes ids, and every id knows the characters it stands for.

Id 0 is padding and never occurs in an encoded text; id 1 stands for whatever the encoder does not know.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import sentencepiece

from model_store.errors import EncoderError
from model_store.text import align, normalize, normalize_all

PADDING_ID = 0
UNKNOWN_ID = 1
RESERVED_IDS = 2

_WORTH_ONE_CALL = 512
"""Texts; a call of SentencePiece with a list costs a third of a millisecond before the first of them."""


class Encoded(NamedTuple):
    """What a model sees of a text.

    Attributes:
        ids: 1 to `limit` ids, each in 1..size-1; empty only for a text of nothing but blanks.
        unknown: how many of them are `UNKNOWN_ID`.
        truncated: whether the end of the text was cut off.
    """

    ids: list[int]
    unknown: int
    truncated: bool


class Token(NamedTuple):
    """One id and the half-open span of code points of the text that it stands for."""

    id: int
    start: int
    end: int


class TextEncoder(ABC):
    """Turns a text into ids by the rules of `model_store.text` and a vocabulary learnt from training texts."""

    kind: ClassVar[str]
    filename: ClassVar[str]
    size: int
    """The number of ids, padding and unknown included."""

    def encode(self, text: str, limit: int) -> Encoded:
        """Return the ids of `text`, at most the first `limit`."""
        return _cut(self._ids(normalize(text)), limit)

    def encode_all(self, texts: Sequence[str], limit: int) -> list[Encoded]:
        """Return what `encode` returns for each of `texts`; of many, in less than half the time."""
        return [_cut(ids, limit) for ids in self._ids_of_all(normalize_all(texts))]

    def tokens(self, text: str) -> list[Token]:
        """Return all ids of `text` in order, each with the characters of the text as it was given.

        A piece that stands for no character, such as the mark before a first word that begins with none, has an empty
        span.
        """
        aligned = align(text)
        return [
            Token(id_, aligned.spans[start][0], aligned.spans[end - 1][1] if end > start else aligned.spans[start][0])
            for id_, start, end in self._spans(aligned.text)
        ]

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write the vocabulary to `directory / self.filename`."""

    @abstractmethod
    def _ids(self, text: str) -> list[int]:
        """Return the ids of a normalised text."""

    def _ids_of_all(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of normalised texts."""
        return [self._ids(text) for text in texts]

    @abstractmethod
    def _spans(self, text: str) -> Iterator[Token]:
        """Yield the ids of a normalised text with their half-open spans in it."""


def _cut(ids: list[int], limit: int) -> Encoded:
    truncated = len(ids) > limit
    if truncated:
        ids = ids[:limit]
    return Encoded(ids, ids.count(UNKNOWN_ID), truncated)


class _VocabularyEncoder(TextEncoder):
    """An encoder whose units stand in a list: the unit in line n has id n + 2."""

    filename = "vocabulary.txt"

    def __init__(self, units: Sequence[str]) -> None:
        self._id_of = {unit: index + RESERVED_IDS for index, unit in enumerate(units)}
        self.size = len(units) + RESERVED_IDS
        if len(self._id_of) != len(units):
            raise EncoderError(f"the vocabulary lists {len(units) - len(self._id_of)} units twice")

    @classmethod
    def load(cls, path: Path) -> "_VocabularyEncoder":
        """Read a vocabulary written by `save`."""
        return cls(path.read_text(encoding="utf-8").splitlines())

    def save(self, directory: Path) -> None:
        """Write the units to `directory / self.filename`, one a line."""
        units = "".join(f"{unit}\n" for unit in self._id_of)
        (directory / self.filename).write_text(units, encoding="utf-8")

    @staticmethod
    @abstractmethod
    def split(text: str) -> Sequence[str]:
        """Cut a normalised text into units."""

    def _ids(self, text: str) -> list[int]:
        id_of = self._id_of
        return [id_of.get(unit, UNKNOWN_ID) for unit in self.split(text)]

    def _spans(self, text: str) -> Iterator[Token]:
        position = 0
        for unit in self.split(text):
            start = text.index(unit, position)
            position = start + len(unit)
            yield Token(self._id_of.get(unit, UNKNOWN_ID), start, position)


class WordEncoder(_VocabularyEncoder):
    """Units are the words between blanks."""

    kind = "word"

    @staticmethod
    def split(text: str) -> Sequence[str]:
        """Cut at blanks."""
        return text.split(" ") if text else []


class CharacterEncoder(_VocabularyEncoder):
    """Units are characters; blanks separate and are not units themselves."""

    kind = "character"

    @staticmethod
    def split(text: str) -> Sequence[str]:
        """Cut between characters."""
        return text.replace(" ", "")


class SubwordEncoder(TextEncoder):
    """Units are pieces of a SentencePiece model (Kudo and Richardson 2018, arXiv:1808.06226).

    Attributes:
        model: the SentencePiece model, as it lies in its file.
    """

    kind = "subword"
    filename = "pieces.model"

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor()
        self._processor.LoadFromSerializedProto(model)
        self.size = self._processor.vocab_size()
        if (self._processor.pad_id(), self._processor.unk_id()) != (PADDING_ID, UNKNOWN_ID):
            raise EncoderError("the SentencePiece model must use id 0 for padding and id 1 for unknown pieces")

    @classmethod
    def load(cls, path: Path) -> "SubwordEncoder":
        """Read a SentencePiece model."""
        return cls(path.read_bytes())

    def save(self, directory: Path) -> None:
        """Write the SentencePiece model to `directory / self.filename`."""
        (directory / self.filename).write_bytes(self.model)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._processor.EncodeAsIds(text)  # as `encode`, in three quarters of the time
        return ids

    def _ids_of_all(self, texts: list[str]) -> list[list[int]]:
        if len(texts) < _WORTH_ONE_CALL:
            return [self._ids(text) for text in texts]
        # In this thread: whoever wants more processors at work has processes.
        ids: list[list[int]] = self._processor.encode(texts, num_threads=1)
        return ids

    def _spans(self, text: str) -> Iterator[Token]:
        pieces = self._processor.encode(text, return_type="offset_mapping")
        for piece, (start, end) in zip(pieces["ids"], pieces["offsets"], strict=True):
            blank_before_word = text[start] == " " and end > start + 1
            yield Token(piece, start + blank_before_word, end)


ENCODERS: dict[str, type[WordEncoder] | type[CharacterEncoder] | type[SubwordEncoder]] = {
    encoder.kind: encoder for encoder in (WordEncoder, CharacterEncoder, SubwordEncoder)
}
"""Every kind of encoder by its name in settings and manifests."""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What a manifest says of its encoder: kind, number of ids, version of the text rules."""

    kind: str
    size: int
    text_version: int


def load_encoder(directory: Path, spec: EncoderSpec) -> TextEncoder:
    """Read the encoder of a version from `directory`.

    Raises:
        EncoderError: if the kind is unknown, the file unreadable, or its size not the one that `spec` names.
    """
    if spec.kind not in ENCODERS:
        raise EncoderError(f"unknown encoder kind {spec.kind!r}; this release knows {', '.join(ENCODERS)}")
    encoder_class = ENCODERS[spec.kind]
    path = directory / encoder_class.filename
    try:
        encoder = encoder_class.load(path)
    except OSError as error:
        raise EncoderError(f"{path.name} cannot be read: {error.strerror}") from error
    except (RuntimeError, UnicodeDecodeError) as error:
        raise EncoderError(f"{path.name} cannot be read: {error}") from error
    if encoder.size != spec.size:
        raise EncoderError(f"{path.name} has {encoder.size} ids, the manifest says {spec.size}")
    return encoder
