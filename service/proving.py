"""Proves one version: its files are those that were published, and an engine gives the scores of its golden examples.

It imports little: the process that proves versions starts in a tenth of a second.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import PADDING_ID, Encoded, TextEncoder
from model_store.errors import GoldenMismatchError
from model_store.golden import check_golden, read_golden
from model_store.layout import EXTRA, GOLDEN, StoredVersion, Trust, VersionRef, verify
from service.engines import Engine
from service.engines.choice import EngineChoice

_MANY = 32
"""Golden examples are repeated until they are that many rows."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A version whose engine gave the scores of its golden examples, to within `worst`."""

    stored: StoredVersion
    encoder: TextEncoder
    engine: Engine
    worst: float

    @property
    def reads_as(self) -> tuple[str, int, int]:
        """Two versions of which this is equal give the same ids to every text."""
        manifest = self.stored.manifest
        units = manifest.files[f"{EXTRA}/{self.encoder.filename}"]
        return units.sha256, manifest.encoder.text_version, manifest.max_tokens

    def encode(self, text: str) -> Encoded:
        """Return the ids that the engine is given for `text`; none if it is all blanks."""
        return self.encoder.encode(text, self.stored.manifest.max_tokens)


def prove(store: Path, ref: VersionRef, choice: EngineChoice, trust: Trust | None) -> Proven:
    """Verify a version's files, open it, and replay its golden examples.

    Args:
        store: where versions lie.
        ref: which one.
        choice: opens it with the engine that fits it.
        trust: who has to have signed it; None: nobody.

    Raises:
        VersionRefusedError: if its files are not those that were published.
        EngineError, OperatorError, GoldenMismatchError: as `prove_verified`.
    """
    return prove_verified(verify(store, ref, trust), choice)


def prove_verified(stored: StoredVersion, choice: EngineChoice) -> Proven:
    """Open a version whose files were verified, and replay its golden examples.

    Raises:
        EngineError: if no engine that may be used can run it.
        OperatorError: if it holds operators that no model needs.
        GoldenMismatchError: if it gives other ids or probabilities than when it was published.
    """
    encoder = stored.load_encoder()
    engine = choice.open(stored)

    def among_many(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return engine.score((ids.tolist() * _MANY)[: max(_MANY, len(ids))])[: len(ids)]

    def padded(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.concatenate([engine.score([row]) for row in ids.tolist()])

    def alone(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.concatenate([engine.score([row[row != PADDING_ID].tolist()]) for row in ids])

    examples, max_tokens = read_golden(stored.path / GOLDEN), stored.manifest.max_tokens
    if {len(example.probabilities) for example in examples} != {len(stored.manifest.labels)}:
        raise GoldenMismatchError("the golden examples do not have a probability for each label of the manifest")
    # An engine may use one program for a row, another for padding, and a third for many rows.
    worst = max(check_golden(examples, encoder, max_tokens, score) for score in (alone, padded, among_many))
    return Proven(stored, encoder, engine, worst)
