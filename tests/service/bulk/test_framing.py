import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk.framing import MAX_ROW_BYTES, end_of_lines, end_of_records, split_records

CELLS = st.text(alphabet=st.sampled_from('가나 ,"\n\tab'), max_size=8)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6)


def written(table: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(table)
    return out.getvalue().encode()


@given(TABLES)
def test_records_are_cut_where_a_csv_reader_cuts_them(table: list[list[str]]) -> None:
    records = split_records(written(table), b",")
    assert [next(csv.reader([record.decode()])) for record in records] == table


@given(TABLES, st.integers(0, 200))
def test_wherever_a_block_ends_what_is_whole_is_the_beginning_of_the_records(table: list[list[str]], size: int) -> None:
    whole = written(table)
    length = end_of_records(whole[:size], b",")
    first, rest = split_records(whole[:length], b","), split_records(whole[length:], b",")
    assert [*first, *rest] == split_records(whole, b",")


def test_a_block_without_a_whole_row_has_none() -> None:
    assert end_of_lines(b"abc") == 0
    assert end_of_records(b'a,"b\nc', b",") == 0
    assert end_of_lines(b"a\nb\nc") == 4


def test_a_quote_inside_of_a_cell_stands_for_itself() -> None:
    assert split_records(b'5" wide,b\nc,d\n', b",") == [b'5" wide,b', b"c,d"]


@pytest.mark.parametrize("final", [True, False])
def test_a_quote_that_is_never_closed_spoils_its_own_line_only(final: bool) -> None:
    rest = b"a,b\n" * (MAX_ROW_BYTES // 4 + 10)
    if final:
        assert split_records(b'x,"y\n' + rest, b",")[:2] == [b'x,"y', b"a,b"]
    else:
        assert end_of_records(b'x,"y\n' + rest, b",") == len(rest) + 5
