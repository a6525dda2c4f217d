"""Which format a file has, what reads it and what writes it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from service.bulk.columns import AddedColumns
from service.bulk.dialects import CSV, QUOTED_TSV, TSV, Dialect
from service.bulk.jsonlines import JsonSource, JsonWriter
from service.bulk.options import FormatName, Options
from service.bulk.output import Finish
from service.bulk.rows import Chunk, Position, RowParser, RowWriter
from service.bulk.streams import PIPE, ByteStream
from service.bulk.tables import TableSource, TableWriter
from service.errors import StartError

_SUFFIXES: dict[str, FormatName] = {
    ".tsv": "tsv",
    ".txt": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_GZIP = ".gz"


class Source(Protocol):
    """An input that is open."""

    columns: tuple[str, ...]
    """Names of its columns; of JSON Lines, of those at its beginning."""

    @property
    def parser(self) -> RowParser:
        """What reads its chunks."""

    def chunks(self, start: Position | None) -> Iterator[Chunk]:
        """Yield the rows from `start` on, or all of them, in chunks."""

    def close(self) -> None:
        """Close it."""


def input_format(options: Options) -> FormatName:
    """Return the format of the input.

    Raises:
        StartError: if neither its name nor a flag tells.
    """
    found = options.format or _by_name(options.input)
    if found is None:
        raise StartError(f"what format has {options.input}? Tell with --format (by name: {', '.join(_SUFFIXES)})")
    if found == "parquet" and (options.input == PIPE or is_packed(options.input)):
        raise StartError("Parquet is read from its end and compressed inside: it cannot come through a pipe or as .gz")
    return found


def output_format(options: Options) -> FormatName:
    """Return the format of the output: by flag, by name, or that of the input."""
    found = options.out_format or _by_name(options.out) or input_format(options)
    if found == "parquet" and (options.out == PIPE or is_packed(options.out)):
        raise StartError("Parquet is compressed inside and written in two steps: it cannot go to a pipe or be .gz")
    return found


def is_packed(name: str) -> bool:
    """Tell whether a file of this name is gzipped."""
    return name.endswith(_GZIP)


def open_source(options: Options) -> Source:
    """Open the input.

    Raises:
        StartError: if it cannot be read, or has not the column of the texts.
    """
    name = input_format(options)
    if name == "parquet":
        from service.bulk.parquet import ParquetSource  # noqa: PLC0415 - needs a package that only Parquet needs

        return ParquetSource(options.input, options.text_column)
    stream = ByteStream(options.input)
    try:
        if name == "jsonl":
            return JsonSource(stream, options.text_column)
        return TableSource(stream, _dialect(name, options), options.text_column)
    except BaseException:
        stream.close()
        raise


def row_writer(options: Options, source: Source, added: AddedColumns) -> RowWriter:
    """Return what writes the rows of `source` with the columns that scoring adds."""
    given, wanted = input_format(options), output_format(options)
    if given != wanted and len(set(source.columns)) < len(source.columns):
        raise StartError(f"two columns have the same name, which {wanted} cannot tell apart")
    if wanted == "parquet":
        from service.bulk.parquet import ParquetSource, batch_writer  # noqa: PLC0415 - as above

        schema = source.schema if isinstance(source, ParquetSource) else None
        return batch_writer(schema, source.columns, added)
    if wanted == "jsonl":
        return JsonWriter(source.columns, added, same=given == wanted)
    return TableWriter(_dialect(wanted, options), source.columns, added, same=given == wanted)


def row_parser(options: Options, source: Source, added: AddedColumns) -> RowParser:
    """Return what reads the rows of `source`, told what the output can hold."""
    if isinstance(source, JsonSource):
        closed = output_format(options) != "jsonl"
        return replace(source.parser, columns=source.columns, closed=closed, taken=frozenset(added.names))
    return source.parser


def finish_of(options: Options) -> Finish | None:
    """Return how the parts of an output become the output; None if they are it."""
    if output_format(options) != "parquet":
        return None
    from service.bulk.parquet import finish  # noqa: PLC0415 - as above

    return finish


def _by_name(name: str) -> FormatName | None:
    return _SUFFIXES.get(Path(name.removesuffix(_GZIP)).suffix.lower())


def _dialect(name: FormatName, options: Options) -> Dialect:
    if name == "csv":
        return CSV
    return QUOTED_TSV if options.quoted else TSV
