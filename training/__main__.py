"""Command line of training: one verb, one command; `python -m training VERB --help` tells more."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from training.config import add_flags, flags_given, read_config
from training.errors import TrainingError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notes on its own build help nobody here


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return 0, or 1 after an error that is the user's to mend."""
    given = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], None] = given.run_verb
        run(given)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command with --resume goes on after the last finished epoch", file=sys.stderr)
        return 130
    return 0


def _train(given: argparse.Namespace) -> None:
    from training.recipe import train_variant  # noqa: PLC0415  TensorFlow takes seconds; --help shall not wait for it

    train_variant(read_config(given.config, flags_given(given)), given.run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    train = verbs.add_parser("train", help="train a variant")
    train.add_argument("--config", type=Path, help="TOML file of settings; flags go before it")
    train.add_argument("--run", type=Path, required=True, help="directory of the run")
    add_flags(train)
    train.set_defaults(run_verb=_train)
    return parser


if __name__ == "__main__":
    sys.exit(main())
