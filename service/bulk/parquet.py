"""Reads and writes Parquet with pyarrow, the only part of bulk scoring that needs it.

The end of a Parquet file says where everything in it lies, so one that was interrupted cannot be continued. Workers
therefore write Arrow streams, one a chunk, which can be; when all are there, `finish` makes the Parquet file of them.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from service.bulk.columns import AddedColumns, find_text_column
from service.bulk.errors import RunError
from service.bulk.rows import Chunk, Position, Predictions, Rejected, Rows, Value
from service.errors import StartError

try:
    import pyarrow
    import pyarrow.parquet
except ImportError as error:
    raise StartError("Parquet needs pyarrow, which is not installed (pip install 'nunchi[bulk]')") from error

_CHUNK_ROWS = 4096
_GROUP_BYTES = 32 << 20
"""Of one row group in memory; more compress a little better."""


class BatchContent:
    """Rows of a record batch.

    Args:
        batch: the rows that have a text.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def raw(self, place: int) -> str:
        """Return a row as JSON; what JSON has no form for, as Python shows it."""
        return json.dumps(self._rows[place], ensure_ascii=False, default=str)

    def values(self, place: int) -> Sequence[Value]:
        """Return the cells of a row."""
        row = self._rows[place]
        return [_plain(row[name]) for name in self.batch.schema.names]

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.batch.to_pylist()
        return rows


@dataclass(frozen=True, slots=True)
class BatchParser:
    """Reads record batches.

    Attributes:
        text_place: which column is the text.
    """

    text_place: int

    def parse(self, body: bytes, line: int) -> Rows:
        """Return the rows of a chunk; a null is no text."""
        with pyarrow.ipc.open_stream(body) as stream:
            batch = stream.read_next_batch()
        texts = batch.column(self.text_place).cast(pyarrow.string()).to_pylist()
        present = [place for place, text in enumerate(texts) if text is not None]
        everything = BatchContent(batch)
        rejected = [
            Rejected(line + place, "missing_text", everything.raw(place))
            for place, text in enumerate(texts)
            if text is None
        ]
        content = BatchContent(batch.take(pyarrow.array(present, pyarrow.int64()))) if rejected else everything
        return Rows([texts[place] for place in present], [line + place for place in present], content, rejected)


@dataclass(frozen=True, slots=True)
class BatchWriter:
    """Writes record batches.

    Attributes:
        schema: of the output.
        added: its last columns.
        same: whether the input is Parquet as well; if not, all its columns are written as strings.
    """

    schema: Any
    added: AddedColumns
    same: bool

    def head(self) -> bytes:
        """Return a stream without rows, which keeps the schema of an output without any."""
        return _stream(self.schema, ())

    def write(self, rows: Rows, predictions: Predictions) -> tuple[bytes, list[Rejected]]:
        """Return the rows as a stream of one batch; there is nothing that it cannot hold."""
        if not predictions.places:
            return b"", []
        columns = self._input_columns(rows, predictions.places)
        labels = [self.added.labels[label] for label in predictions.labels]
        rounded = [[round(value, 6) for value in row] for row in predictions.probabilities]
        scores = [row[label] for row, label in zip(rounded, predictions.labels, strict=True)]
        columns += [pyarrow.array(values) for values in (labels, scores, *zip(*rounded, strict=True))]
        columns.append(pyarrow.array(self._uncertain(predictions)))
        columns.append(pyarrow.array([self.added.model] * len(labels)))
        return _stream(self.schema, (pyarrow.record_batch(columns, schema=self.schema),)), []

    def _uncertain(self, predictions: Predictions) -> list[bool]:
        """Compare before rounding, as the other writers do."""
        rows = zip(predictions.labels, predictions.probabilities, strict=True)
        return [probabilities[label] < self.added.certain_from for label, probabilities in rows]

    def _input_columns(self, rows: Rows, places: list[int]) -> list[Any]:
        content = rows.content
        if self.same:
            batch = cast(BatchContent, content).batch
            return list(batch.take(pyarrow.array(places, pyarrow.int64())).columns)
        cells = [[_text(value) for value in content.values(place)] for place in places]
        return [pyarrow.array(column, pyarrow.string()) for column in zip(*cells, strict=True)]


class ParquetSource:
    """A Parquet file.

    Raises:
        StartError: if it cannot be read, or has not the column of the texts.
    """

    def __init__(self, name: str, text_column: str | None) -> None:
        try:
            self._file = pyarrow.parquet.ParquetFile(name, pre_buffer=False, buffer_size=1 << 16)
        except (OSError, pyarrow.ArrowException) as error:
            raise StartError(f"{name} cannot be read as Parquet: {error}") from error
        self.schema = self._file.schema_arrow
        """Names and types of its columns."""
        self.columns: tuple[str, ...] = tuple(self.schema.names)
        """Their names, in order."""
        place = find_text_column(self.columns, text_column)
        kind = self.schema.field(place).type
        kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise StartError(f"the column {self.columns[place]!r} holds {kind}, not text")
        self.parser = BatchParser(place)

    def chunks(self, start: Position | None) -> Iterator[Chunk]:
        """Yield the rows from `start` on, or all of them.

        Raises:
            RunError: if they cannot be read.
        """
        total, skip = self._file.metadata.num_rows, start.offset if start else 0
        try:
            for first, batch in self._batches(skip):
                end = first + batch.num_rows
                yield Chunk(_stream(self.schema, (batch,)), first, Position(end - 1, end), (end - 1) / total)
        except (OSError, pyarrow.ArrowException) as error:
            raise RunError(f"the Parquet file cannot be read: {error}") from error

    def _batches(self, skip: int) -> Iterator[tuple[int, Any]]:
        """Yield batches behind the first `skip` rows, each with the number of its first row; groups begin a batch."""
        row = 0
        for group in range(self._file.num_row_groups):
            group_rows = self._file.metadata.row_group(group).num_rows
            if row + group_rows <= skip:
                row += group_rows
                continue
            for batch in self._file.iter_batches(_CHUNK_ROWS, row_groups=[group]):
                row += batch.num_rows
                if row > skip:
                    yield row - batch.num_rows + 1, batch

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def batch_writer(source_schema: Any, columns: Sequence[str], added: AddedColumns) -> BatchWriter:
    """Return what writes record batches.

    Args:
        source_schema: of the input if it is Parquet, else None.
        columns: names of the columns of the input.
        added: the columns behind them.
    """
    given = (
        source_schema if source_schema is not None else pyarrow.schema([(name, pyarrow.string()) for name in columns])
    )
    numbers = [pyarrow.float64()] * (1 + len(added.labels))
    types = [pyarrow.string(), *numbers, pyarrow.bool_(), pyarrow.string()]
    fields = [pyarrow.field(name, kind) for name, kind in zip(added.names, types, strict=True)]
    schema = pyarrow.schema([*given, *fields], metadata=given.metadata)
    return BatchWriter(schema, added, same=source_schema is not None)


def finish(spool: Path, out: Path) -> None:
    """Make a Parquet file of the streams in `spool`."""
    with spool.open("rb") as streams:
        schema = pyarrow.ipc.open_stream(streams).schema
        streams.seek(0)
        size = spool.stat().st_size
        with pyarrow.parquet.ParquetWriter(out, schema) as writer:
            waiting: list[Any] = []
            while streams.tell() < size:
                waiting.extend(pyarrow.ipc.open_stream(streams))
                if sum(batch.nbytes for batch in waiting) >= _GROUP_BYTES:
                    writer.write_table(pyarrow.Table.from_batches(waiting, schema))
                    waiting = []
            if waiting:
                writer.write_table(pyarrow.Table.from_batches(waiting, schema))


def _stream(schema: Any, batches: Sequence[Any]) -> bytes:
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return sink.getvalue()


def _plain(value: Any) -> Value:
    """Return a value of Arrow as one of JSON."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    plain: Value = json.loads(json.dumps(value, ensure_ascii=False, default=str))
    return plain


def _text(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
