"""The flags of `score`."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

FormatName = Literal["tsv", "csv", "jsonl", "parquet"]


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for.

    Attributes:
        input: name of a file, or `-` for standard input.
        out: name of a file, or `-` for standard output.
        model: name of the model; None for the default one.
        version: its version; None for the latest.
        text_column: name of the column of the texts; None for `text`, or the only one.
        format: of the input; None to tell it by its name.
        out_format: of the output; None to tell it by its name.
        quoted: whether cells of a TSV may be quoted.
        rejected: file for rows that cannot be scored; None for one beside the output.
        workers: how many processes score; None for one a processor.
        resume: go on where an interrupted run was.
        overwrite: replace what is there.
        strict: whether a rejected row is an error.
        quiet: say nothing but errors.
    """

    input: str
    out: str
    model: str | None = None
    version: int | None = None
    text_column: str | None = None
    format: FormatName | None = None
    out_format: FormatName | None = None
    quoted: bool = False
    rejected: Path | None = None
    workers: int | None = None
    resume: bool = False
    overwrite: bool = False
    strict: bool = False
    quiet: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `Options` to a parser."""
    formats = get_args(FormatName)
    add: Any = parser.add_argument
    add("input", metavar="INPUT", help="file to score; - for standard input")
    add("--out", required=True, metavar="FILE", help="file to write; - for standard output")
    add("--model", metavar="NAME", help="model that scores (default: NUNCHI_DEFAULT_MODEL)")
    add("--version", type=_positive, metavar="N", help="its version (default: the latest)")
    add("--text-column", metavar="NAME", help="column of the texts (default: text, or the only one)")
    add("--format", choices=formats, help="of the input (default: by its name)")
    add("--out-format", choices=formats, help="of the output (default: by its name, else that of the input)")
    add("--quoted", action="store_true", help='cells of a TSV may be quoted with ", as those of a CSV')
    add(
        "--rejected",
        type=Path,
        metavar="FILE",
        help="file for rows that cannot be scored (default: OUT.rejected.jsonl)",
    )
    add("--workers", type=_positive, metavar="N", help="processes that score (default: one a processor)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on where an interrupted run was")
    again.add_argument("--overwrite", action="store_true", help="replace the output if it is there")
    add("--strict", action="store_true", help="exit with 1 and keep the output back if a row cannot be scored")
    add("--quiet", action="store_true", help="say nothing but errors")


def options_of(chosen: argparse.Namespace) -> Options:
    """Return what was parsed."""
    return Options(**{name: getattr(chosen, name) for name in Options.__slots__})


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, not {text!r}")
    return int(text)
