"""Vectors of pieces that have characters in common: each is its own plus the mean of those of its character n-grams.

As fastText does for words (Bojanowski et al. 2017, arXiv:1607.04606), but only with the n-grams that two pieces or more
have in common: what one alone has tells no more than its own vector, and so few need no hashing. The sum depends on the
id alone, so a trained model has the sums as its table and is like one that was trained without.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import sentencepiece
from keras import ops
from numpy.typing import NDArray

from model_store.encoder import RESERVED_IDS, SubwordEncoder, TextEncoder
from training.errors import ConfigError

_MOST = 12
"""N-grams of a piece that count, the shortest first: all of those of four characters, with n-grams up to four."""


@dataclass(frozen=True, slots=True)
class Ngrams:
    """Which n-grams each id has.

    Attributes:
        numbers: of its n-grams, int32 (ids, `_MOST`), anything where it has fewer.
        shares: of each in their mean, float32 (ids, `_MOST`), 0 where it has fewer.
        count: how many n-grams there are.
    """

    numbers: NDArray[np.int32]
    shares: NDArray[np.float32]
    count: int


def shared_ngrams(encoder: TextEncoder, longest: int) -> Ngrams:
    """Return the n-grams of 1 to `longest` characters, the mark of a new word being one, that pieces share.

    Raises:
        ConfigError: if the encoder has no pieces, or they have nothing in common.
    """
    if not isinstance(encoder, SubwordEncoder):
        raise ConfigError(f"ngrams needs the encoder subword, found {encoder.kind}")
    processor = sentencepiece.SentencePieceProcessor(model_proto=encoder.model)
    pieces = [processor.id_to_piece(number) for number in range(RESERVED_IDS, encoder.size)]
    ngrams = [_ngrams(piece, longest) for piece in pieces]
    counts = Counter(ngram for each in ngrams for ngram in each)
    number_of = {ngram: number for number, ngram in enumerate(sorted(n for n, count in counts.items() if count > 1))}
    if not number_of:
        raise ConfigError("ngrams: no two pieces have a character in common")
    numbers = np.zeros((encoder.size, _MOST), dtype=np.int32)
    shares = np.zeros((encoder.size, _MOST), dtype=np.float32)
    for row, each in enumerate(ngrams, start=RESERVED_IDS):
        known = [number_of[ngram] for ngram in each if ngram in number_of][:_MOST]
        numbers[row, : len(known)] = known
        shares[row, : len(known)] = 1 / max(1, len(known))
    return Ngrams(numbers, shares, len(number_of))


def _ngrams(piece: str, longest: int) -> list[str]:
    """Return the n-grams of a piece, each once, the shortest first."""
    found = (piece[start : start + n] for n in range(1, longest + 1) for start in range(len(piece) - n + 1))
    return list(dict.fromkeys(found))


class NgramEmbedding(keras.layers.Embedding):  # type: ignore[misc]  # Keras has no types
    """Look up ids and add the means of their n-grams: int32 (batch, length) -> float32 (batch, length, features)."""

    def __init__(self, ngrams: Ngrams, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ngrams = ngrams

    def build(self, input_shape: Any = None) -> None:
        """Make the weights: embeddings (ids, features), ngrams (n-grams, features)."""
        super().build(input_shape)
        self.shared = self.add_weight((self._ngrams.count, self.output_dim), "uniform", name="ngrams")

    def call(self, ids: Any) -> Any:
        """Look up the vectors and add the means of those of their n-grams."""
        numbers = ops.take(ops.convert_to_tensor(self._ngrams.numbers), ids, axis=0)
        shares = ops.take(ops.convert_to_tensor(self._ngrams.shares), ids, axis=0)
        parts = ops.take(self.shared, numbers, axis=0) * ops.expand_dims(shares, axis=-1)
        return super().call(ids) + ops.sum(parts, axis=-2)

    def folded(self) -> NDArray[np.float32]:
        """Return the table of a plain embedding that gives the same vectors (ids, features)."""
        vectors = self(np.arange(self.input_dim, dtype=np.int32)[None])
        return np.array(ops.convert_to_numpy(vectors)[0])

    def save_own_variables(self, store: Any) -> None:
        """Store both tables; those of an embedding of Keras are one."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Read both tables."""
        keras.layers.Layer.load_own_variables(self, store)


def fold(learnt: keras.Model, plain: keras.Model) -> None:
    """Give `plain`, built from the same settings without n-grams, what `learnt` knows: it then says the same."""
    for ours, theirs in zip(plain.layers, learnt.layers, strict=True):
        ours.set_weights([theirs.folded()] if isinstance(theirs, NgramEmbedding) else theirs.get_weights())
