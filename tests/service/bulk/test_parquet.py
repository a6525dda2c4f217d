from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from model_store.layout import VersionRef
from service.bulk.columns import added_columns
from service.bulk.errors import RunError
from service.bulk.parquet import ParquetSource, batch_writer, finish
from service.bulk.rows import Predictions, Rows
from service.bulk.tables import TableContent
from service.errors import StartError

ADDED = added_columns(("id", "text"), ("negative", "positive"), VersionRef("gru", 2))
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def written(path: Path, rows: int = 10, group: int = 5_000) -> Path:
    """Write a file with columns that no other format has types for; every seventh text is null."""
    texts = [None if row % 7 == 0 else f"좋다 {row}" for row in range(rows)]
    table = pyarrow.table(
        {
            "id": pyarrow.array(range(rows), pyarrow.int16()),
            "at": pyarrow.array([MOMENT] * rows, pyarrow.timestamp("ns", "UTC")),
            "text": pyarrow.array(texts).dictionary_encode(),
        }
    )
    pyarrow.parquet.write_table(table, path, row_group_size=group)
    return path


def all_positive(rows: Rows) -> Predictions:
    count = len(rows.texts)
    return Predictions(list(range(count)), [1] * count, [[0.25000004, 0.74999996]] * count)


def test_columns_keep_their_types_and_get_the_predictions_beside_them(tmp_path: Path) -> None:
    with closing(ParquetSource(str(written(tmp_path / "in.parquet")), None)) as source:
        writer = batch_writer(source.schema, source.columns, ADDED)
        [chunk] = source.chunks(None)
    rows = source.parser.parse(chunk.body, chunk.line)
    output, rejected = writer.write(rows, all_positive(rows))
    (tmp_path / "spool").write_bytes(writer.head() + output)

    finish(tmp_path / "spool", tmp_path / "out.parquet")

    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    kept = pyarrow.parquet.read_table(tmp_path / "in.parquet").filter(pyarrow.compute.field("text").is_valid())
    assert table.select(["id", "at"]).equals(kept.select(["id", "at"]))
    assert table.column("text").to_pylist() == kept.column("text").to_pylist()
    assert table.to_pylist()[0] | {"id": 0, "at": 0, "text": 0} == {
        **{"id": 0, "at": 0, "text": 0, "label": "positive", "score": 0.75},
        **{"probability_negative": 0.25, "probability_positive": 0.75},
        **{"uncertain": False, "model": "gru/2"},
    }
    assert not rejected


def test_a_null_is_no_text_and_is_kept_apart_with_the_number_of_its_row(tmp_path: Path) -> None:
    with closing(ParquetSource(str(written(tmp_path / "in.parquet")), None)) as source:
        [chunk] = source.chunks(None)
    rows = source.parser.parse(chunk.body, chunk.line)
    assert [(row.line, row.reason) for row in rows.rejected] == [(1, "missing_text"), (8, "missing_text")]
    assert rows.rejected[1].raw == '{"id": 7, "at": "2026-01-01 00:00:00+00:00", "text": null}'
    assert rows.lines == [2, 3, 4, 5, 6, 7, 9, 10]
    assert rows.content.values(0) == [1, "2026-01-01 00:00:00+00:00", "좋다 1"]


def test_chunks_from_the_middle_on_are_those_that_would_have_come(tmp_path: Path) -> None:
    path = str(written(tmp_path / "in.parquet", rows=20_000, group=7_000))
    with closing(ParquetSource(path, None)) as source:
        chunks = list(source.chunks(None))
        assert [chunk.line for chunk in chunks] == [1, 4097, 7001, 11097, 14001, 18097]
        for place, chunk in enumerate(chunks):
            assert list(source.chunks(chunk.end)) == chunks[place + 1 :]
    assert chunks[-1].share == 1


def test_cells_of_other_formats_become_strings(tmp_path: Path) -> None:
    from service.bulk.dialects import CSV

    writer = batch_writer(None, ("id", "text"), ADDED)
    rows = Rows(["좋다"], [2], TableContent(CSV, ["007,좋다"]), [])
    output, _ = writer.write(rows, all_positive(rows))
    (tmp_path / "spool").write_bytes(writer.head() + output)
    finish(tmp_path / "spool", tmp_path / "out.parquet")
    [row] = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert (row["id"], row["text"]) == ("007", "좋다")


def test_an_output_without_rows_still_has_its_columns(tmp_path: Path) -> None:
    writer = batch_writer(None, ("id", "text"), ADDED)
    (tmp_path / "spool").write_bytes(writer.head())
    finish(tmp_path / "spool", tmp_path / "out.parquet")
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").column_names == ["id", "text", *ADDED.names]


@pytest.mark.parametrize(("content", "reason"), [(b"text\n", "cannot be read as Parquet"), (None, "No such file")])
def test_a_file_that_is_no_parquet_is_said(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "in.parquet").write_bytes(content)
    with pytest.raises(StartError, match=reason):
        ParquetSource(str(tmp_path / "in.parquet"), None)


def test_a_column_of_numbers_holds_no_texts(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="the column 'id' holds int16, not text"):
        ParquetSource(str(written(tmp_path / "in.parquet")), "id")


def test_a_damaged_file_ends_the_run(tmp_path: Path) -> None:
    path = written(tmp_path / "in.parquet", rows=20_000, group=7_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 5_000] = b"\xff" * 5_000
    path.write_bytes(content)
    with closing(ParquetSource(str(path), None)) as source, pytest.raises(RunError, match="cannot be read"):
        list(source.chunks(None))
