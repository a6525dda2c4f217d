import gzip
from pathlib import Path

import pytest

from training.errors import DataError
from training.tables import Row, read_table


def _write(tmp_path: Path, content: bytes, name: str = "reviews.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_quoted_cells_may_hold_commas_and_line_breaks(tmp_path: Path) -> None:
    path = _write(tmp_path, '\ufefflabel,text\n1,"좋다, 정말\n좋다"\n0,별로\n'.encode())

    assert read_table(path, "text", "label") == [Row("좋다, 정말\n좋다", "1"), Row("별로", "0")]


def test_tabs_separate_in_other_files_and_gzip_is_unpacked(tmp_path: Path) -> None:
    path = _write(tmp_path, gzip.compress("text\tlabel\n좋다, 참\t1\n별로\t 0 \n".encode()), "reviews.tsv.gz")

    assert read_table(path, "text", "label") == [Row("좋다, 참", "1"), Row("별로", "0")]


def test_quotes_stand_for_themselves_when_cells_are_not_quoted(tmp_path: Path) -> None:
    path = _write(tmp_path, 'text\tlabel\n"최고"라고\t1\n"\t0\n'.encode(), "reviews.txt")

    assert [row.text for row in read_table(path, "text", "label", quoted=False)] == ['"최고"라고', '"']


def test_blank_lines_are_skipped_and_long_cells_read(tmp_path: Path) -> None:
    content = "text,label\n" + "가" * 200_000 + ",1\n\n나,0\n\n"

    assert len(read_table(_write(tmp_path, content.encode()), "text", "label")) == 2


def test_an_empty_text_is_kept(tmp_path: Path) -> None:
    assert read_table(_write(tmp_path, b"text,label\n,1\na,0\n"), "text", "label")[0] == Row("", "1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"text,label\na,1\nb\n", r"reviews.csv:3: 1 cells, the header has 2"),
        (b"text,label\na,1\nb,0,0\n", r"reviews.csv:3: 3 cells"),
        (b"text,label\na,1\nb, \n", r"reviews.csv:3: no label in column 'label'"),
        (b"text,label\na,1\nb,1\n", r"at least two different labels .* all 2 rows are '1'"),
        (b"text,label\n", r"at least two different labels .* there are no rows"),
        (b"", r"reviews.csv:1: no column 'text'; the header names nothing"),
        (b"review,label\na,1\n", r"reviews.csv:1: no column 'text'; the header names review, label"),
        ("text,label\n좋다,1\n".encode("cp949"), r"reviews.csv:2: is not UTF-8"),
        (b'text,label\n"a,1\n', r"reviews.csv:\d: .*a quotation mark is never closed"),
    ],
)
def test_what_cannot_be_used_is_named_by_file_and_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = _write(tmp_path, content)

    with pytest.raises(DataError, match=reason):
        read_table(path, "text", "label")


@pytest.mark.parametrize("name", ["nowhere.csv", "plain.csv.gz", "broken.csv.gz"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain.csv.gz").write_bytes(b"no gzip")
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"text,label\n" * 99)[:12] + b"broken")

    with pytest.raises(DataError, match=f"{name}: cannot be read"):
        read_table(tmp_path / name, "text", "label")
