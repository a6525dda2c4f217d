"""The verb `compare` of the command line: its flags, its help, and what it does."""

import argparse
from pathlib import Path

from model_store.layout import DEFAULT_STORE
from training.errors import ConfigError

# ruff: noqa: PLC0415  what computes takes seconds to import, and --help shall not wait for it

SUMMARY = "set two models or more side by side on the same texts"

HELP = """Set two models or more side by side on the same labelled texts: which is better, and is that more than chance?
Where do they disagree? Do their probabilities mean what they say? What does a text cost?

    python -m training compare gru/1 lstm/1                 two versions of the store, on the validation part
    python -m training compare gru lstm rnn                 the newest versions; p-values corrected for three pairs
    python -m training compare gru/1 runs/gru               a version and a run that is not published yet
    python -m training compare gru/1 gru/2 --part test      final figures; choose nothing by them
    python -m training compare gru lstm --file mine.tsv --label-names 0=negative,1=positive

Written into the directory --out: report.md with a picture for each question, comparison.json, and the texts on which
the models disagree, as a page to browse (disagreements.html) and as a table (disagreements.tsv).
"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the flags of the verb."""
    parser.description, parser.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    text = "a version (gru/1), a model (gru: its newest version), or the directory of a finished run"
    parser.add_argument("models", nargs="+", metavar="MODEL", help=text)
    parser.add_argument("--store", type=Path, default=DEFAULT_STORE, help="the model store (default: %(default)s)")
    text = "validation to choose by (the default); test for final figures only"
    parser.add_argument("--part", choices=("validation", "test"), default="validation", help=text)
    text = "texts of your own instead: .tsv, .csv or .txt (tabs) with a header line, gzipped or not, in UTF-8"
    parser.add_argument("--file", type=Path, help=text)
    parser.add_argument("--text-column", default="text", help="its column of the texts (default: %(default)s)")
    parser.add_argument("--label-column", default="label", help="its column of the labels (default: %(default)s)")
    text = "what its labels are called by the models, such as 0=negative,1=positive"
    parser.add_argument("--label-names", metavar="MINE=THEIRS,…", default="", help=text)
    text = "directory of what is written (default: %(default)s)"
    parser.add_argument("--out", type=Path, default=Path("runs/comparison"), help=text)


def run(given: argparse.Namespace) -> None:
    """Compare, write, and say what was found."""
    if len(given.models) < 2:
        raise ConfigError(f"two models or more are needed to compare, found {given.models[0]} alone")
    names = label_names(given.label_names)

    from training.comparing.comparison import compare
    from training.comparing.contestants import open_all
    from training.comparing.texts import OwnFile, own_texts, part_for_all
    from training.comparing.watching import Watching
    from training.comparing.writing import PAGE, REPORT, verdict, write_comparison

    contestants = open_all(given.models, given.store)
    if given.file is None:
        texts = part_for_all(contestants, given.part)
    else:
        texts = own_texts(contestants, OwnFile(given.file, given.text_column, given.label_column, names))
    with Watching() as watching:
        comparison = compare(contestants, texts, watching)
    write_comparison(given.out, comparison)
    for each in comparison.standings:
        print(f"{each.name:>20} {each.accuracy:.4f} ({each.interval.low:.4f} to {each.interval.high:.4f})")
    print(verdict(comparison))
    print(f"the report: {given.out / REPORT}; where they disagree: {given.out / PAGE}")


def label_names(given: str) -> dict[str, str]:
    """Read `MINE=THEIRS,…`.

    Raises:
        ConfigError: if it has another form.
    """
    names = {}
    for each in filter(None, given.split(",")):
        mine, equals, theirs = each.partition("=")
        if not (mine and equals and theirs):
            raise ConfigError(f"--label-names must be MINE=THEIRS pairs between commas, found {each!r}")
        names[mine.strip()] = theirs.strip()
    return names
