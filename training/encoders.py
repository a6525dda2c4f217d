"""Building text encoders from training texts."""

import io
from collections import Counter
from collections.abc import Callable, Sequence

import sentencepiece

from model_store.encoder import (
    ENCODERS,
    PADDING_ID,
    RESERVED_IDS,
    UNKNOWN_ID,
    CharacterEncoder,
    SubwordEncoder,
    TextEncoder,
    WordEncoder,
)
from model_store.text import normalize
from training.errors import ConfigError


def build_encoder(kind: str, size: int, texts: Sequence[str]) -> TextEncoder:
    """Learn a vocabulary of at most `size` ids from training texts.

    Args:
        kind: a key of `model_store.encoder.ENCODERS`.
        size: ids, padding and unknown included; fewer come out where the texts do not hold so many units.
        texts: texts of the training part only.

    Raises:
        ConfigError: if so few pieces cannot cover the characters of the texts.
    """
    return _BUILDERS[kind](size, [normalize(text) for text in texts])


def _most_frequent(size: int, texts: Sequence[str], split: Callable[[str], Sequence[str]]) -> list[str]:
    """Return the most frequent units; equally frequent ones by code point, so that the result is always the same."""
    counts = Counter(unit for text in texts for unit in split(text))
    return sorted(counts, key=lambda unit: (-counts[unit], unit))[: size - RESERVED_IDS]


def _word(size: int, texts: Sequence[str]) -> TextEncoder:
    return WordEncoder(_most_frequent(size, texts, WordEncoder.split))


def _character(size: int, texts: Sequence[str]) -> TextEncoder:
    return CharacterEncoder(_most_frequent(size, texts, CharacterEncoder.split))


def _subword(size: int, texts: Sequence[str]) -> TextEncoder:
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([text for text in texts if text]),
            model_writer=model,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=0.9995,
            normalization_rule_name="identity",
            pad_id=PADDING_ID,
            unk_id=UNKNOWN_ID,
            bos_id=-1,
            eos_id=-1,
            num_threads=2,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ConfigError(f"{size} pieces do not cover the characters of these texts; ask for more") from error
    return SubwordEncoder(model.getvalue())


_BUILDERS: dict[str, Callable[[int, Sequence[str]], TextEncoder]] = {
    WordEncoder.kind: _word,
    SubwordEncoder.kind: _subword,
    CharacterEncoder.kind: _character,
}
assert _BUILDERS.keys() == ENCODERS.keys()  # noqa: S101  a kind that cannot be built could not be trained
