import csv
import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.layout import VersionRef
from service.bulk.columns import added_columns
from service.bulk.dialects import CSV, QUOTED_TSV, TSV, Dialect
from service.bulk.rows import Predictions, Rejected, Rows
from service.bulk.streams import ByteStream
from service.bulk.tables import TableParser, TableSource, TableWriter
from service.errors import StartError

COLUMNS = ("id", "text")
ADDED = added_columns(COLUMNS, ("negative", "positive"), VersionRef("gru", 2))
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), max_size=12)


def all_positive(rows: Rows) -> Predictions:
    count = len(rows.texts)
    return Predictions(list(range(count)), [1] * count, [[0.25, 0.75]] * count)


def scored(dialect: Dialect, body: bytes) -> bytes:
    rows = TableParser(dialect, 2, 1).parse(body, 2)
    assert not rows.rejected
    output, rejected = TableWriter(dialect, COLUMNS, ADDED, same=True).write(rows, all_positive(rows))
    assert not rejected
    return output


@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=5))
def test_columns_of_a_csv_come_out_as_they_went_in(cells: list[tuple[str, str]]) -> None:
    body = io.StringIO(newline="")
    csv.writer(body, quoting=csv.QUOTE_ALL).writerows(cells)

    output = scored(CSV, body.getvalue().encode())

    read = list(csv.reader(io.StringIO(output.decode(), newline="")))
    assert read == [[*row, "positive", "0.750000", "0.250000", "0.750000", "false", "gru/2"] for row in cells]


@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=5))
def test_columns_of_a_tsv_come_out_byte_for_byte(cells: list[tuple[str, str]]) -> None:
    lines = ["\t".join(row) for row in cells]
    output = scored(TSV, "".join(f"{line}\n" for line in lines).encode())
    added = "\tpositive\t0.750000\t0.250000\t0.750000\tfalse\tgru/2\n"
    assert output == "".join(line + added for line in lines).encode()


@given(st.sampled_from([CSV, QUOTED_TSV]), st.lists(ANY, min_size=2, max_size=4))
def test_what_a_dialect_joins_it_splits_again(dialect: Dialect, cells: list[str]) -> None:
    row = dialect.join(list(cells))
    assert row is not None
    assert dialect.split(row) == cells


def test_plain_tsv_does_not_pretend_to_hold_line_breaks() -> None:
    assert TSV.join(["a\nb"]) is None
    rows = TableParser(CSV, 2, 1).parse('1,"좋다\n정말"\n2,별로\n'.encode(), 2)
    output, rejected = TableWriter(TSV, COLUMNS, ADDED, same=False).write(rows, all_positive(rows))
    assert rejected == [Rejected(2, "not_representable", '1,"좋다\n정말"')]
    assert output.decode().startswith("2\t별로\tpositive")


def test_rows_have_the_number_of_their_first_line() -> None:
    rows = TableParser(CSV, 2, 1).parse(b'1,"a\n\nb"\n2,c\n', 7)
    assert (rows.texts, rows.lines) == (["a\n\nb", "c"], [7, 10])


@pytest.mark.parametrize(
    ("dialect", "body", "row"),
    [
        (TSV, b"1\ta\tb\n", "1\ta\tb"),
        (TSV, b"1\n", "1"),
        (CSV, b'1,"a"b\n', '1,"a"b'),
        (CSV, b'1,"a\n', '1,"a'),
    ],
)
def test_a_malformed_row_is_kept_apart_and_its_neighbours_are_read(dialect: Dialect, body: bytes, row: str) -> None:
    good = f"2{dialect.delimiter}좋다\n".encode()
    rows = TableParser(dialect, 2, 1).parse(good + body + good, 2)
    assert rows.texts == ["좋다", "좋다"]
    assert rows.rejected == [Rejected(3, "malformed", row)]


def test_a_row_that_is_no_utf8_is_kept_apart_with_its_bytes() -> None:
    rows = TableParser(TSV, 2, 1).parse("1\t좋다\n".encode() + "2\t별로\n".encode("cp949"), 2)
    assert rows.texts == ["좋다"]
    [rejected] = rows.rejected
    assert (rejected.line, rejected.reason) == (3, "invalid_utf8")
    assert rejected.raw.encode("utf-8", "surrogateescape") == "2\t별로".encode("cp949")


def test_line_breaks_of_windows_belong_to_no_cell() -> None:
    assert TableParser(TSV, 2, 1).parse(b"1\ta\r\n2\tb\r\n", 2).texts == ["a", "b"]
    assert TableParser(CSV, 2, 1).parse(b'1,"a"\r\n2,b\r\n', 2).texts == ["a", "b"]


def test_an_empty_line_is_a_row_only_where_there_is_one_column() -> None:
    assert TableParser(TSV, 2, 1).parse(b"1\ta\n\n2\tb\n", 2).lines == [2, 4]
    assert TableParser(TSV, 1, 0).parse(b"a\n\n", 2).texts == ["a", ""]


def test_a_label_may_hold_what_separates_cells() -> None:
    added = added_columns(COLUMNS, ("100%, sure", "no"), VersionRef("gru", 1))
    rows = TableParser(CSV, 2, 1).parse(b"1,a\n", 2)
    output, _ = TableWriter(CSV, COLUMNS, added, same=True).write(rows, Predictions([0], [0], [[0.9, 0.1]]))
    assert next(csv.reader([output.decode()]))[2:-2] == ["100%, sure", "0.900000", "0.900000", "0.100000"]


@contextmanager
def source(tmp_path: Path, content: bytes) -> Iterator[TableSource]:
    (tmp_path / "table").write_bytes(content)
    with closing(ByteStream(str(tmp_path / "table"))) as stream:
        yield TableSource(stream, CSV, None)


@pytest.mark.parametrize("head", [b"id,text\n", b"\xef\xbb\xbfid,text\r\n", b'"id","text"\n'])
def test_rows_begin_behind_the_header(tmp_path: Path, head: bytes) -> None:
    with source(tmp_path, head + b"1,a\n") as found:
        [chunk] = found.chunks(None)
    assert (found.columns, chunk.body, chunk.line) == (("id", "text"), b"1,a\n", 2)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    with source(tmp_path, b"text") as found:
        assert (found.columns, list(found.chunks(None))) == (("text",), [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the input is empty"),
        (b"id,review\n1,a\n", "the column 'text' is not among id, review"),
        (b"text,text\na,b\n", "the column 'text' is there twice"),
        ("텍스트\n".encode("cp949"), "the header is not UTF-8"),
        (b'"a"b,text\n', "the header cannot be split"),
    ],
)
def test_a_header_that_cannot_be_used_is_said(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(StartError, match=reason), source(tmp_path, content):
        pass
