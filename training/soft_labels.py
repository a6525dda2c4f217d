"""The file of soft labels: texts with a probability for each class, and a first line that says where they are from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_store.text import normalize_all
from training.config import TrainingConfig
from training.datasets import ORIGIN_MARK
from training.errors import DataError
from training.tables import read_text

_SPLIT = ("dataset", "rows", "validation_share", "split_seed", "fold")
"""The settings that decide which texts a teacher must not have seen."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where soft labels are from.

    Attributes:
        track: one of `training.provenance.TRACKS`.
        split: the settings that decided which rows the teachers learnt from.
        teachers: the accuracy of each teacher, and of all together, on the validation part.
        details: how the labels were made.
    """

    track: str
    split: dict[str, Any]
    teachers: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def split_of(config: TrainingConfig) -> dict[str, Any]:
    """Return the settings of `config` that decide which row is in which part."""
    return {name: getattr(config, name) for name in _SPLIT}


def write_soft_labels(
    path: Path, origin: Origin, texts: Sequence[str], probabilities: NDArray[np.floating[Any]]
) -> None:
    """Write `text<TAB>probability<TAB>…` lines below their origin, normalised, without texts of nothing but blanks.

    The file appears at once or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8") as file:
        file.write(f"# {json.dumps(asdict(origin), ensure_ascii=False)}\n")
        for text, row in zip(normalize_all(texts), probabilities, strict=True):
            if text:
                file.write("\t".join([text, *(f"{p:.4f}" for p in row)]) + "\n")
    partial.replace(path)


def read_origin(path: Path, config: TrainingConfig) -> Origin | None:
    """Return where the soft labels of a file are from, or None if it does not say.

    Raises:
        DataError: if its first line is malformed, or its teachers have seen other texts than a run with these
            settings may.
    """
    first = read_text(path).partition("\n")[0]
    if not first.startswith(ORIGIN_MARK):
        return None
    try:
        origin = Origin(**json.loads(first.removeprefix("# ")))
    except (ValueError, TypeError) as error:
        raise DataError(path, f"does not say well where its labels are from: {error}", 1) from error
    for name, value in split_of(config).items():
        if origin.split.get(name) != value:
            found = origin.split.get(name)
            reason = f"its teachers may have seen validation texts: their {name} is {found!r}, here it is {value!r}"
            raise DataError(path, reason, 1)
    return origin
