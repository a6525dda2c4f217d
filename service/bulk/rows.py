"""What every format turns a chunk of its input into, and what scoring adds to it."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
"""What a cell may hold; tables know strings only."""

Reason = Literal[
    "malformed",
    "invalid_utf8",
    "missing_text",
    "empty",
    "too_long",
    "too_large",
    "unknown_column",
    "column_collision",
    "not_representable",
    "model_error",
    "bad_output",
]
"""Why a row was not scored; docs/bulk.md explains each."""


class Position(NamedTuple):
    """A place between two rows of the input.

    Attributes:
        offset: bytes before it, after unpacking; of a Parquet file, rows.
        line: the number of the line that begins here, the first is 1; of a Parquet file, of the row.
    """

    offset: int
    line: int


class Chunk(NamedTuple):
    """Some whole rows of the input, as one message to a worker.

    Attributes:
        body: the rows, in the form that the input's parser reads.
        line: the number of the first.
        end: where the next chunk begins.
        share: how much of the input lies before that, 0 to 1; None if its size is not known.
        oversized: whether this is only the beginning of a row that is too large to be kept in memory.
    """

    body: bytes
    line: int
    end: Position
    share: float | None
    oversized: bool = False


class Rejected(NamedTuple):
    """A row that is kept apart: its line, why, and the row as it stood in the input."""

    line: int
    reason: Reason
    raw: str


class Content(Protocol):
    """The rows of a chunk that have a text, by their places from 0 on."""

    def raw(self, place: int) -> str:
        """Return a row as it stands in the input; bytes that are no UTF-8 as lone surrogates."""

    def values(self, place: int) -> Sequence[Value]:
        """Return the cells of a row in the order of the input's columns."""


class Rows(NamedTuple):
    """A chunk, read.

    Attributes:
        texts: of the rows that have one.
        lines: their numbers.
        content: the rows themselves.
        rejected: the other rows.
    """

    texts: list[str]
    lines: list[int]
    content: Content
    rejected: list[Rejected]


class Predictions(NamedTuple):
    """What became of rows of one chunk.

    Attributes:
        places: of the rows that were scored, ascending; places in `Rows.texts`.
        labels: the index of the most probable label of each.
        probabilities: of each, in the order of the labels.
    """

    places: list[int]
    labels: list[int]
    probabilities: list[list[float]]


class RowParser(Protocol):
    """Reads chunks of one input; it travels to the workers."""

    def parse(self, body: bytes, line: int) -> Rows:
        """Return the rows of a chunk whose first line has the number `line`."""


class RowWriter(Protocol):
    """Writes scored rows of one output; it travels to the workers."""

    def head(self) -> bytes:
        """Return what stands before all rows."""

    def write(self, rows: Rows, predictions: Predictions) -> tuple[bytes, list[Rejected]]:
        """Return the scored rows with their predictions, and those among them that this format cannot hold."""
