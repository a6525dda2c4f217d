import argparse

import pytest

from service.bulk.formats import input_format, output_format
from service.bulk.options import Options, add_options, options_of
from service.errors import StartError


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.tsv", "tsv"),
        ("a.txt.gz", "tsv"),
        ("b.CSV", "csv"),
        ("c.csv.gz", "csv"),
        ("d.jsonl", "jsonl"),
        ("e.ndjson.gz", "jsonl"),
        ("f.parquet", "parquet"),
    ],
)
def test_names_tell_the_format(name: str, found: str) -> None:
    assert input_format(Options(name, "-")) == found
    assert output_format(Options("in.tsv", name)) == found


def test_flags_tell_it_where_names_do_not() -> None:
    options = Options("-", "-", format="jsonl")
    assert (input_format(options), output_format(options)) == ("jsonl", "jsonl")
    assert output_format(Options("a.tsv", "-", out_format="csv")) == "csv"


@pytest.mark.parametrize(
    "options", [Options("-", "a.parquet.gz", format="csv"), Options("a.tsv", "-", out_format="parquet")]
)
def test_parquet_goes_to_plain_files_only(options: Options) -> None:
    with pytest.raises(StartError, match="cannot go to a pipe"):
        output_format(options)


def test_flags_become_options() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    chosen = parser.parse_args(["in.tsv", "--out", "out.csv", "--version", "2", "--text-column", "review", "--strict"])
    assert options_of(chosen) == Options("in.tsv", "out.csv", version=2, text_column="review", strict=True)


@pytest.mark.parametrize(
    "flags", [["--workers", "0"], ["--version", "x"], ["--resume", "--overwrite"], ["--format", "x"]]
)
def test_flags_that_make_no_sense_are_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["in.tsv", "--out", "out.csv", *flags])
    assert flags[0] in capsys.readouterr().err
