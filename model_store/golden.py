"""Golden examples: texts, ids and probabilities kept at publication and checked before a version is served."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.encoder import PADDING_ID, TextEncoder
from model_store.errors import GoldenMismatchError
from model_store.manifest import is_finite_number

Scorer = Callable[[NDArray[np.int32]], NDArray[np.float32]]
"""Rows of ids (batch, length), padded with 0 on the right -> probabilities (batch, labels)."""

TOLERANCE = 1e-4
"""Largest accepted difference of a probability, wide enough for another processor or a GPU."""

_WORTH_A_MASK = 8
"""Rows; fewer are copied faster one by one."""


@dataclass(frozen=True, slots=True)
class GoldenExample:
    """One text with the ids and probabilities that the version gave when it was published."""

    text: str
    ids: list[int]
    probabilities: list[float]


def write_golden(path: Path, examples: Sequence[GoldenExample]) -> None:
    """Write `examples` as JSON."""
    document = [asdict(example) for example in examples]
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_golden(path: Path) -> list[GoldenExample]:
    """Read what `write_golden` wrote.

    Raises:
        GoldenMismatchError: if the file is not of that form or holds no example.
    """
    try:
        examples = [_example(item) for item in json.loads(path.read_text(encoding="utf-8"))]
    except OSError as error:
        raise GoldenMismatchError(f"{path.name} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise GoldenMismatchError(f"{path.name} cannot be read: {error}") from error
    if len({len(example.probabilities) for example in examples}) != 1:
        raise GoldenMismatchError(f"{path.name} holds no example, or such of different numbers of probabilities")
    return examples


def _example(item: Any) -> GoldenExample:
    example = GoldenExample(**item)
    if not isinstance(example.text, str) or not isinstance(example.ids, list):
        raise TypeError("an example must hold a text and a list of ids")
    if not isinstance(example.probabilities, list) or not all(map(is_finite_number, example.probabilities)):
        raise TypeError("probabilities must be a list of finite numbers")
    return example


def check_golden(examples: Sequence[GoldenExample], encoder: TextEncoder, max_tokens: int, score: Scorer) -> float:
    """Prove that an encoder and a model give the ids and probabilities of publication.

    Returns:
        The largest difference of a probability, 0 to `TOLERANCE`.

    Raises:
        GoldenMismatchError: if any id differs, or any probability by more than `TOLERANCE` or not a number.
    """
    for example in examples:
        if encoder.encode(example.text, max_tokens).ids != example.ids:
            raise GoldenMismatchError(f"the golden text {example.text[:20]!r} gets other ids than at publication")
    probabilities = score(pad([example.ids for example in examples]))
    expected = np.array([example.probabilities for example in examples], dtype=np.float32)
    if probabilities.shape != expected.shape:
        raise GoldenMismatchError(f"probabilities of shape {probabilities.shape}, expected {expected.shape}")
    worst = float(np.abs(probabilities - expected).max())
    if not worst <= TOLERANCE:
        raise GoldenMismatchError(f"a golden probability differs by {worst:.2g}, more than {TOLERANCE:g}")
    return worst


def pad(rows: Sequence[Sequence[int]], length: int | None = None) -> NDArray[np.int32]:
    """Return rows of ids as one array (batch, length), padded on the right; by default to the longest, at least 1."""
    lengths = [len(row) for row in rows]
    if length is None:
        length = max([1, *lengths])
    padded = np.full((len(rows), length), PADDING_ID, dtype=np.int32)
    if len(rows) < _WORTH_A_MASK:
        for index, row in enumerate(rows):
            padded[index, : lengths[index]] = row
    else:
        given = np.arange(length) < np.array(lengths)[:, None]
        padded[given] = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=sum(lengths))
    return padded
