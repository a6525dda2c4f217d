"""Rows of one format written as another: what reads one and what writes the other are chosen together."""

import json
from contextlib import closing
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from model_store.layout import VersionRef
from service.bulk.columns import added_columns
from service.bulk.formats import finish_of, open_source, row_parser, row_writer
from service.bulk.options import Options
from service.bulk.pipe import PipeOutput
from service.bulk.rows import Position, Predictions
from service.bulk.scorer import Result
from service.errors import StartError

TABLE = 'id\ttext\n1\t좋다, 정말\n2\t"최고"\n'
LINES = '{"id": 1, "text": "좋다, 정말"}\n{"id": 2, "text": "\\"최고\\""}\n'


def convert(path: Path, out: Path, certain_from: float = 0.0) -> bytes:
    """Write all rows of a file as positive ones of probability 0.75, without workers; return the bytes."""
    options = Options(str(path), str(out))
    with closing(open_source(options)) as source:
        added = added_columns(source.columns, ("negative", "positive"), VersionRef("gru", 2), certain_from)
        writer = row_writer(options, source, added)
        parser = row_parser(options, source, added)
        parts = [writer.head()]
        for chunk in source.chunks(None):
            rows = parser.parse(chunk.body, chunk.line)
            count = len(rows.texts)
            parts.append(writer.write(rows, Predictions([*range(count)], [1] * count, [[0.25, 0.75]] * count))[0])
    out.write_bytes(b"".join(parts))
    if finish := finish_of(options):
        finished = out.with_suffix(".finished")
        finish(out, finished)
        finished.replace(out)
    return out.read_bytes()


@pytest.fixture(params=["tsv", "jsonl", "parquet"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"in.{request.param}"
    if request.param == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "text": ["좋다, 정말", '"최고"']}), path)
    else:
        path.write_text(TABLE if request.param == "tsv" else LINES, encoding="utf-8")
    return path


def test_every_format_becomes_a_csv(path: Path, tmp_path: Path) -> None:
    assert convert(path, tmp_path / "out.csv").decode().splitlines() == [
        "id,text,label,score,probability_negative,probability_positive,uncertain,model",
        '1,"좋다, 정말",positive,0.750000,0.250000,0.750000,false,gru/2',
        '2,"""최고""",positive,0.750000,0.250000,0.750000,false,gru/2',
    ]


def test_every_format_becomes_a_plain_tsv(path: Path, tmp_path: Path) -> None:
    lines = convert(path, tmp_path / "out.tsv").decode().splitlines()
    assert [line.split("\t")[:3] for line in lines[1:]] == [
        ["1", "좋다, 정말", "positive"],
        ["2", '"최고"', "positive"],
    ]


def test_every_format_becomes_json_lines(path: Path, tmp_path: Path) -> None:
    objects = [json.loads(line) for line in convert(path, tmp_path / "out.jsonl").decode().splitlines()]
    assert [(str(found["id"]), found["text"], found["score"]) for found in objects] == [
        ("1", "좋다, 정말", 0.75),
        ("2", '"최고"', 0.75),
    ]


def test_every_format_becomes_parquet(path: Path, tmp_path: Path) -> None:
    convert(path, tmp_path / "out.parquet")
    rows = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(str(row["id"]), row["text"], row["score"]) for row in rows] == [
        ("1", "좋다, 정말", 0.75),
        ("2", '"최고"', 0.75),
    ]


@pytest.mark.parametrize(("certain_from", "uncertain"), [(0.0, "false"), (0.75, "false"), (0.7500001, "true")])
def test_every_format_says_which_rows_are_uncertain(
    path: Path, tmp_path: Path, certain_from: float, uncertain: str
) -> None:
    for name in ("out.tsv", "out.jsonl", "out.parquet"):
        convert(path, tmp_path / name, certain_from)
    convert(tmp_path / "out.jsonl", tmp_path / "of_lines.jsonl")
    convert(tmp_path / "out.parquet", tmp_path / "of_parquet.jsonl")

    assert {line.split("\t")[6] for line in (tmp_path / "out.tsv").read_text().splitlines()[1:]} == {uncertain}
    for name in ("of_lines.jsonl", "of_parquet.jsonl"):
        objects = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        assert {str(found["uncertain"]).lower() for found in objects} == {uncertain}


def test_columns_that_cannot_be_told_apart_are_refused_where_names_matter(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,a,text\n1,2,좋다\n", encoding="utf-8")
    assert convert(tmp_path / "in.csv", tmp_path / "out.csv").startswith(b"a,a,text,label")
    with pytest.raises(StartError, match="two columns have the same name"):
        convert(tmp_path / "in.csv", tmp_path / "out.jsonl")


def test_a_name_that_plain_tsv_cannot_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"a\\tb": 1, "text": "좋다"}\n', encoding="utf-8")
    with pytest.raises(StartError, match="a name of a column holds a tab"):
        convert(tmp_path / "in.jsonl", tmp_path / "out.tsv")


def test_a_format_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="Tell with --format"):
        open_source(Options("-", str(tmp_path / "out.csv")))


def test_a_source_that_cannot_be_used_is_closed(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(StartError, match="'text' is not among a, b"):
        open_source(Options(str(tmp_path / "in.csv"), "-"))


def test_a_pipe_gets_rows_as_they_come(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for rejected in (None, tmp_path / "rejected"):
        with closing(PipeOutput(b"head\n", rejected)) as output:
            output.append(Result(b"row\n", b"bad\n", 1, {"empty": 1}), Position(5, 2))
            output.complete()
            output.publish(output=True)
        assert (output.state.scored, output.state.rejected) == (1, 1)
    assert capfdbinary.readouterr() == (b"head\nrow\nhead\nrow\n", b"bad\n")
    assert (tmp_path / "rejected").read_bytes() == b"bad\n"
