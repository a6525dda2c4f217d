"""Which columns there are: the one with the texts, and those that scoring adds."""

from collections.abc import Sequence
from dataclasses import dataclass

from model_store.layout import VersionRef
from service.errors import StartError

TEXT_COLUMN = "text"
_PREFIX = "predicted_"


@dataclass(frozen=True, slots=True)
class AddedColumns:
    """The columns that scoring adds, in this order: label, score, one probability for each label, uncertain, model.

    Attributes:
        names: their names.
        labels: of the model, in the order of its probabilities.
        model: the reference that every row gets, such as `gru/2`.
        certain_from: a row whose score is lower is uncertain; 0 if none is.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    model: str
    certain_from: float = 0.0


def added_columns(
    columns: Sequence[str], labels: Sequence[str], ref: VersionRef, certain_from: float = 0.0
) -> AddedColumns:
    """Choose names that no column of the input has: all of them get a prefix, as often as that takes."""
    names = ["label", "score", *(f"probability_{label}" for label in labels), "uncertain", "model"]
    while not set(names).isdisjoint(columns):
        names = [_PREFIX + name for name in names]
    return AddedColumns(tuple(names), tuple(labels), str(ref), certain_from)


def find_text_column(columns: Sequence[str], wanted: str | None) -> int:
    """Return the place of the column with the texts.

    Args:
        columns: of the input.
        wanted: its name; None for `text`, or the only column whatever its name.

    Raises:
        StartError: if it is not there, or there twice.
    """
    if wanted is None and len(columns) == 1:
        return 0
    name = TEXT_COLUMN if wanted is None else wanted
    if columns.count(name) != 1:
        found = "is there twice" if name in columns else f"is not among {', '.join(columns) or 'none'}"
        raise StartError(f"the column {name!r} {found}; name the column of the texts with --text-column")
    return columns.index(name)
