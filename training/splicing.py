"""Texts made of two others, for teachers to label where there are few texts and no further ones of their kind.

A pupil that is to do what its teacher does needs many texts to see it do so; these need not mean anything, only hold
what texts of this kind hold (Beyer et al. 2022, arXiv:2106.05237).
"""

from collections.abc import Sequence

import numpy as np

from model_store.text import normalize_all

_OWN_END = 0.3
"""Share of texts that get the end of the text that they begin like, so that words are lost or come twice."""


def spliced(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """Return `count` texts, each the first words of one text and the last words of another, or of the same.

    Args:
        texts: where the words are from; they are normalised.
        count: how many.
        seed: decides which; the same again for the same seed.
    """
    random = np.random.default_rng(seed)
    words = [text.split(" ") for text in normalize_all(texts) if text]
    drawn = random.integers(0, len(words), (count, 2))
    drawn[:, 1] = np.where(random.random(count) < _OWN_END, drawn[:, 0], drawn[:, 1])
    made = []
    for (first, second), (begin, end) in zip(drawn, random.random((count, 2)), strict=True):
        beginning, ending = words[first], words[second]
        taken, left = 1 + int(begin * len(beginning)), int(end * len(ending))
        made.append(" ".join(beginning[:taken] + ending[left:]))
    return made
