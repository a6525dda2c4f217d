"""The training rows of every epoch: the same ones, or, where the settings ask for it, noised and cut anew."""

from collections.abc import Sequence

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from model_store.encoder import SubwordEncoder, TextEncoder
from model_store.text import normalize_all
from training.config import TrainingConfig
from training.datasets import Dataset
from training.errors import ConfigError
from training.noise import drop_blanks, with_typos
from training.rows import Rows, encode_rows


class EpochRows:
    """Rows to learn from, epoch by epoch; the same settings give the same rows again.

    Args:
        dataset: texts and targets; texts of nothing but blanks are left out.
        encoder: how text becomes ids.
        config: the settings of noise and of sampled segmentation (Kudo 2018, arXiv:1804.10959).

    Raises:
        ConfigError: if pieces shall be sampled and the encoder has none.
    """

    def __init__(self, dataset: Dataset, encoder: TextEncoder, config: TrainingConfig) -> None:
        texts = normalize_all(dataset.texts)
        kept = np.flatnonzero([bool(text) for text in texts])
        self._texts = [texts[index] for index in kept]
        self._plain = encode_rows(dataset.take(kept), encoder, config.length)
        self._encoder = encoder
        self._config = config
        self._pieces = _processor(encoder) if config.piece_sampling else None

    def __len__(self) -> int:
        return len(self._plain)

    def of(self, epoch: int) -> Rows:
        """Return the rows of an epoch, counted from 1."""
        config = self._config
        if not (config.blank_noise or config.typo_noise or self._pieces):
            return self._plain
        texts = _noised(self._texts, config, np.random.default_rng((config.seed, epoch, 1)))
        ids = [each or plain for each, plain in zip(self._cut(texts, epoch), self._plain.ids, strict=True)]
        lengths: NDArray[np.int64] = np.array([len(row) for row in ids], dtype=np.int64)
        return Rows(ids, self._plain.targets, self._plain.unknown, lengths)

    def _cut(self, texts: Sequence[str], epoch: int) -> list[list[int]]:
        length = self._config.length
        if self._pieces is None:
            return [row.ids for row in self._encoder.encode_all(texts, length)]
        # One generator for all of SentencePiece, and one thread, so that the same cuts come again.
        sentencepiece.set_random_generator_seed((self._config.seed * 1_000 + epoch) % 2**32)
        sampled = self._pieces.encode(
            list(texts), enable_sampling=True, alpha=self._config.piece_sampling, nbest_size=-1, num_threads=1
        )
        return [row[:length] for row in sampled]


def _processor(encoder: TextEncoder) -> sentencepiece.SentencePieceProcessor:
    if not isinstance(encoder, SubwordEncoder):
        raise ConfigError(f"piece_sampling needs the encoder subword, found {encoder.kind}")
    return sentencepiece.SentencePieceProcessor(model_proto=encoder.model)


def _noised(texts: Sequence[str], config: TrainingConfig, generator: np.random.Generator) -> list[str]:
    noised = [
        drop_blanks(text) if dropped else text
        for text, dropped in zip(texts, generator.random(len(texts)) < config.blank_noise, strict=True)
    ]
    if config.typo_noise:
        noised = [with_typos(text, config.typo_noise, generator) for text in noised]
    return noised
