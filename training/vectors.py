"""Word vectors for the units of an encoder, trained on unlabelled reviews.

Skip-gram with negative sampling (Mikolov et al. 2013, arXiv:1310.4546), by gensim, in one thread so that a seed gives
the same vectors again.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import PADDING_ID, TextEncoder

EPOCHS = 3


def train_vectors(encoder: TextEncoder, texts: Sequence[str], size: int, seed: int) -> NDArray[np.float32]:
    """Return an embedding table float32 (ids of the encoder, `size`); padding and unseen ids are zero."""
    from gensim.models import Word2Vec  # noqa: PLC0415  only this one variant needs it

    sentences = _Sentences(encoder, texts)
    model = Word2Vec(sentences, vector_size=size, sg=1, negative=5, min_count=1, epochs=EPOCHS, seed=seed, workers=1)
    table = np.zeros((encoder.size, size), dtype=np.float32)
    for unit in model.wv.index_to_key:
        if unit != PADDING_ID:
            table[unit] = model.wv[unit]
    return table


class _Sentences:
    """Rows of ids, as often as gensim asks for them."""

    def __init__(self, encoder: TextEncoder, texts: Sequence[str]) -> None:
        self._rows = [encoder.encode(text, limit=1_000).ids for text in texts]

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._rows)
