"""The verb `sweep` of the command line: its flags, its help, and what it does."""

import argparse
from pathlib import Path

from training.choice import choose_backend
from training.config import add_flags as add_settings
from training.config import flags_given, read_config
from training.errors import ConfigError
from training.sweeping.plan import parse_over, plan_runs

SUMMARY = "train with several values of some settings: what does accuracy cost?"

HELP = """Train with several values of some settings, and see what accuracy costs in size and time.

    python -m training sweep --over units=16,32,64 --over vocabulary=4000,10000 --rows 20000 --epochs 3
        all six combinations, on 20,000 rows, so minutes instead of hours
    python -m training sweep --over embedding=16,50,100 --over units=16,50,100 --over length=20,64 --one-at-a-time
        the reference settings, with one setting changed at a time
    python -m training sweep --config training/recipes/shipped.toml --over head_dropout=0,0.3,0.5
        any setting with a number, starting from a recipe

The same command goes on after an interruption; finished runs are not trained again, and more values can be added later.
Only the validation part is looked at. Written into the directory --runs: a directory for each run, sweep.md with
accuracy against parameters and microseconds (the Pareto front marked), and sweep.json.
"""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the flags of the verb."""
    parser.description, parser.formatter_class = HELP, argparse.RawDescriptionHelpFormatter
    text = "a setting and its values, such as units=16,32,64; once for each setting"
    parser.add_argument("--over", action="append", default=[], metavar="NAME=VALUE,…", help=text)
    text = "change one setting and leave the others as they are, instead of all combinations"
    parser.add_argument("--one-at-a-time", action="store_true", help=text)
    text = "where the runs lie and what was found is written (default: %(default)s)"
    parser.add_argument("--runs", type=Path, default=Path("runs/sweep"), help=text)
    parser.add_argument("--config", type=Path, help="TOML file of settings to start from; flags win over it")
    add_settings(parser)


def run(given: argparse.Namespace) -> None:
    """Plan, train, time, write, and say where it is."""
    if not given.over:
        raise ConfigError("--over is missing: which setting shall take which values? Such as --over units=16,32,64")
    base = read_config(given.config, flags_given(given))
    points = plan_runs(base, parse_over(given.over), one_at_a_time=given.one_at_a_time)
    choose_backend(given.runs, base)

    from training.sweeping.sweep import run_sweep  # noqa: PLC0415 - TensorFlow, once the plan is known to be sound
    from training.sweeping.writing import REPORT, write_sweep  # noqa: PLC0415

    write_sweep(given.runs, run_sweep(points, given.runs))
    print(f"the report: {given.runs / REPORT}")
