import gzip
import os
from contextlib import closing
from pathlib import Path

import pytest

from service.bulk.errors import RunError
from service.bulk.framing import MAX_ROW_BYTES, end_of_lines
from service.bulk.rows import Chunk, Position
from service.bulk.streams import CHUNK_BYTES, ByteStream, cut_chunks
from service.errors import StartError

LINES = b"".join(b"%d " % number * 20 + b"\n" for number in range(30_000))
START = Position(0, 1)


@pytest.fixture(params=["plain", "gzip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "lines"
    path.write_bytes(gzip.compress(LINES) if request.param == "gzip" else LINES)
    return path


def chunks_of(path: Path, start: Position = START) -> list[Chunk]:
    with closing(ByteStream(str(path))) as stream:
        return list(cut_chunks(stream, start, end_of_lines))


def test_chunks_are_whole_lines_of_about_the_same_size(path: Path) -> None:
    chunks = chunks_of(path)
    assert b"".join(chunk.body for chunk in chunks) == LINES
    assert all(chunk.body.endswith(b"\n") and len(chunk.body) <= CHUNK_BYTES for chunk in chunks)
    assert len(chunks) > 2


def test_chunks_know_their_line_and_how_far_they_are(path: Path) -> None:
    chunks = chunks_of(path)
    assert [chunk.body.split()[0] for chunk in chunks] == [b"%d" % (chunk.line - 1) for chunk in chunks]
    shares = [chunk.share or 0 for chunk in chunks]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert chunks[-1].end == Position(len(LINES), 30_001)


def test_chunks_from_the_middle_on_are_those_that_would_have_come(path: Path) -> None:
    chunks = chunks_of(path)
    assert chunks_of(path, chunks[1].end) == chunks[2:]


def test_a_last_line_without_a_break_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"a\nb")
    [chunk] = chunks_of(tmp_path / "short")
    assert (chunk.body, chunk.end.offset) == (b"a\nb", 3)


def test_an_empty_file_has_no_chunks(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert chunks_of(tmp_path / "empty") == []


def test_a_row_that_is_too_large_is_passed_over_without_being_kept(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"a\n" + b"x" * (5 * MAX_ROW_BYTES) + b"\nb\n")
    first, large, last = chunks_of(tmp_path / "large")
    assert (first.body, last.body) == (b"a\n", b"b\n")
    assert (large.oversized, large.line, len(large.body)) == (True, 2, 1000)
    assert last.line == 3


def test_a_row_larger_than_a_chunk_is_kept_whole(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (CHUNK_BYTES + 5) + b"\nb\n")
    assert chunks_of(tmp_path / "large")[0].body.startswith(b"x" * (CHUNK_BYTES + 5) + b"\n")


def test_a_pipe_has_no_known_size() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a\n")
    os.close(writing)
    with closing(ByteStream(f"/dev/fd/{reading}")) as stream:
        assert stream.look(10) == b"a\n"
        assert stream.share is None
    os.close(reading)


def test_a_file_that_is_cut_off_in_the_middle_of_gzip_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(LINES)[:-100])
    with pytest.raises(RunError, match=r"cut.gz cannot be read after \d+ bytes"):
        chunks_of(tmp_path / "cut.gz")


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"a\nb\n")
    with pytest.raises(RunError, match="has only 4 bytes; 99 were read before"):
        chunks_of(tmp_path / "short", Position(99, 2))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="nowhere cannot be read: No such file"):
        ByteStream(str(tmp_path / "nowhere"))
