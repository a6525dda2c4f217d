"""The verb `folds` of the command line: its flags, its help, and what it does."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from training.config import TrainingConfig, flags_given, read_config
from training.config import add_flags as add_settings

if TYPE_CHECKING:
    from training.labelling import Labelling

_TEACHERS_OF_A_KIND = 5

SUMMARY = "train and test once for each fold, beside the linear baseline"

HELP = """Deal the texts to folds, and train and test once for each: on that fold, what learnt from the others.

    python -m training folds --config training/recipes/chatbot.toml --folds 5

Equal texts are in the same fold. Of the other folds, the validation share chooses the epoch. The linear baseline
(logistic regression on character n-grams) learns from all of the other folds. The same command goes on after an
interruption; finished folds are not trained again. Written into the directory --runs: a run for each fold, and accuracy
and macro-averaged F1, fold by fold, with mean and standard deviation: folds.md, folds.json.
"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the flags of the verb."""
    parser.description, parser.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--folds", type=int, default=5, help="how many (default: %(default)s)")
    text = "linear, nbsvm or both: label the rows that each fold learns from, and further texts, for `extra`"
    parser.add_argument("--teacher", nargs="+", default=[], metavar="TEACHER", help=text)
    what = parser.add_mutually_exclusive_group()
    text = "so many further texts for each fold, drawn at random (default: all)"
    what.add_argument("--texts", type=int, help=text)
    text = "let teachers label so many texts made of two of the rows each, and nothing else"
    what.add_argument("--spliced", type=int, help=text)
    text = "where the runs lie and what was found is written (default: %(default)s)"
    parser.add_argument("--runs", type=Path, default=Path("runs/folds"), help=text)
    parser.add_argument("--config", type=Path, help="TOML file of settings; flags win over it")
    add_settings(parser, only=[each.name for each in fields(TrainingConfig) if each.name != "fold"])


def run(given: argparse.Namespace) -> None:
    """Train and test fold by fold, write, and say what was found."""
    config = read_config(given.config, flags_given(given))

    from training.folding.folds import run_folds  # noqa: PLC0415 - TensorFlow, once the settings are known to be sound
    from training.folding.writing import REPORT, markdown, write_folds  # noqa: PLC0415

    results = run_folds(config, given.folds, given.runs, _labelling(given) if given.teacher else None)
    write_folds(given.runs, results)
    print(markdown(results))
    print(f"the report: {given.runs / REPORT}")


def _labelling(given: argparse.Namespace) -> "Labelling":
    """Return what the teachers of each fold label: texts made of its rows, or the rows themselves and reviews."""
    from training.labelling import Labelling  # noqa: PLC0415 - as above

    if given.spliced is not None:
        return Labelling(given.teacher, spliced=given.spliced)
    return Labelling(given.teacher, folds=_TEACHERS_OF_A_KIND, include_training=True, texts=given.texts)
