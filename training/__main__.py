"""Trains, evaluates and publishes models. One verb, one command.

A first model, in a few minutes:

    python -m training data                                   fetch the public data (once)
    python -m training train --variant gru --run runs/gru     train; --resume goes on after an interruption
    python -m training evaluate --run runs/gru                figures on the validation part, and a report
    python -m training publish --run runs/gru --name gru      prove it, and make it the next version in the store
    python -m training compare gru lstm                       two models of the store side by side
    python -m training sweep --over units=16,32,64            what does accuracy cost in size and time?
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from model_store.errors import StoreError
from model_store.layout import DEFAULT_STORE
from training.choice import choose_backend
from training.comparing import command as comparing
from training.config import CERTAIN_ACCURACY, add_flags, flags_given, read_config
from training.errors import ResumeError, TrainingError
from training.folding import command as folding
from training.sweeping import command as sweeping

# ruff: noqa: PLC0415  TensorFlow takes seconds to import, and --help shall not wait for it

Verb = Callable[[argparse.Namespace], None]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return 0, or 1 after an error that is the user's to mend."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on its own build help nobody here
    given = _parser().parse_args(arguments)
    run_verb: Verb = given.run_verb
    try:
        run_verb(given)
    except (TrainingError, StoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        goes_on = "; --resume goes on after the last finished epoch" if "resume" in given else ""
        print(f"interrupted{goes_on}", file=sys.stderr)
        return 130
    return 0


def _data(given: argparse.Namespace) -> None:
    from training.archive import NSMC_ARCHIVE, fetch_further
    from training.datasets import PUBLIC_FILES, data_directory
    from training.download import fetch

    directory = data_directory(read_config(None, flags_given(given)))
    fetch(directory, PUBLIC_FILES)
    fetch_further(directory, NSMC_ARCHIVE)


def _train(given: argparse.Namespace) -> None:
    choose_backend(given.run, read_config(given.config, flags_given(given)))
    from training.history import best
    from training.recipe import train_variant

    _unless_taken(given)
    trained = train_variant(read_config(given.config, flags_given(given)), given.run)
    chosen = best(trained.epochs, trained.config.choose_by)
    print(f"{given.run}: epoch {chosen.number} chosen, validation accuracy {chosen.validation_accuracy:.4f}")


def _pretrain(given: argparse.Namespace) -> None:
    choose_backend(given.run, read_config(given.config, flags_given(given)))
    from training.pretraining import pretrain

    _unless_taken(given)
    last = pretrain(read_config(given.config, flags_given(given)), given.run)[-1]
    print(f"{given.run}: {last.validation_loss:.3f} nats per unit; start from it by --pretrained {given.run}")


def _unless_taken(given: argparse.Namespace) -> None:
    from training.history import CHECKPOINT

    if (given.run / CHECKPOINT).exists() and not given.resume:
        raise ResumeError(f"{given.run} holds a run already; go on with it by --resume, or name another directory")


def _evaluate(given: argparse.Namespace) -> None:
    from training.assessment import assess
    from training.calibration_report import spoken
    from training.report import write_report

    report = assess(given.run, given.part, given.run.name, given.certain_accuracy).report
    write_report(given.run / "report" / given.part, report)
    for name, value in report.metrics.items():
        print(f"{name:>23} {value:.4f}")
    print(spoken(report.calibrated))
    print(f"the report with its figures: {given.run / 'report' / given.part / 'report.md'}")


def _publish(given: argparse.Namespace) -> None:
    from training.assessment import publish_run

    print(f"published {publish_run(given.run, given.name, given.store, given.certain_accuracy)}")


def _label(given: argparse.Namespace) -> None:
    from training.labelling import Labelling, label_further

    how = Labelling(
        **{each.name: getattr(given, each.name) for each in fields(Labelling) if each.name != "teachers"},
        teachers=given.teacher,
    )
    origin = label_further(read_config(None, flags_given(given)), how, given.out)
    for name, accuracy in origin.teachers.items():
        print(f"{accuracy:.4f} {name}")
    print(f"wrote {given.out}, track {origin.track}; the accuracies are those on the validation part")


def _results(given: argparse.Namespace) -> None:
    from training.results.page import PARTS, Asked, make_results

    make_results(Asked(given.runs, given.out, train=not given.finished), given.only or tuple(PARTS))
    print(f"wrote {given.out}")


def _tour(given: argparse.Namespace) -> None:
    from training.tour.page import make_tour

    make_tour(read_config(None, flags_given(given)), given.out)
    print(f"wrote {given.out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    data = _verb(verbs, "data", _data, "fetch the public data files and check their hashes")
    add_flags(data, only=("data_dir",))

    _settings_flags(_verb(verbs, "train", _train, "train a variant"))
    text = "train the vectors and the first recurrent layer of a variant as a language model of the unlabelled reviews"
    _settings_flags(_verb(verbs, "pretrain", _pretrain, text))

    evaluate = _verb(verbs, "evaluate", _evaluate, "evaluate a trained run and write its report")
    _run_flag(evaluate)
    text = "validation to choose by (the default); test for a final figure only"
    _certain_flag(evaluate)
    evaluate.add_argument("--part", choices=("validation", "test"), default="validation", help=text)

    publish = _verb(verbs, "publish", _publish, "make a trained run the next version of a model in the store")
    _run_flag(publish)
    _certain_flag(publish)
    publish.add_argument("--name", required=True, help="the model, as clients will name it")
    publish.add_argument("--store", type=Path, default=DEFAULT_STORE, help="the model store (default: %(default)s)")

    comparing.add_flags(_verb(verbs, "compare", comparing.run, comparing.SUMMARY))
    sweeping.add_flags(_verb(verbs, "sweep", sweeping.run, sweeping.SUMMARY))
    folding.add_flags(_verb(verbs, "folds", folding.run, folding.SUMMARY))

    _label_flags(_verb(verbs, "label", _label, "label the unlabelled reviews softly by teachers"))
    text = "train and test every variant with the reference settings, and what parts of the recipe are worth (hours)"
    _results_flags(_verb(verbs, "results", _results, text))

    tour = _verb(
        verbs, "tour", _tour, "ask a service of the stored models why they say what they say: a page, pictures"
    )
    tour.add_argument("--out", type=Path, default=Path("docs/tour.md"), help="default: %(default)s")
    add_flags(tour, only=("data_dir",))
    return parser


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: Verb, text: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run_verb=run)
    return parser


def _label_flags(label: argparse.ArgumentParser) -> None:
    label.add_argument("--out", type=Path, default=Path("runs/soft_labels.tsv"), help="default: %(default)s")
    text = "linear, nbsvm, or the directory of a finished run; several are averaged (default: linear)"
    label.add_argument("--teacher", nargs="+", default=["linear"], metavar="TEACHER", help=text)
    text = "half of the target of a review with 1 to 4 or 9 to 10 stars is the class that they tell"
    label.add_argument("--stars", action="store_true", help=text)
    text = "linear teachers learn from such reviews, too"
    label.add_argument("--learn-stars", action="store_true", help=text)
    text = "models of each linear teacher; each judges the part that it has not seen (default: %(default)s)"
    label.add_argument("--folds", type=int, default=1, help=text)
    text = "label the training part as well (linear teachers, 2 folds or more)"
    label.add_argument("--include-training", action="store_true", help=text)
    label.add_argument("--texts", type=int, help="label only so many of the further reviews, drawn at random")
    text = "label so many texts made of two of the training part each, instead of further reviews"
    label.add_argument("--spliced", type=int, help=text)
    add_flags(label, only=("dataset", "fold", "data_dir", "validation_share", "split_seed"))


def _results_flags(results: argparse.ArgumentParser) -> None:
    text = "where the runs lie; finished ones are not trained again (default: %(default)s)"
    results.add_argument("--runs", type=Path, default=Path("runs"), help=text)
    text = "write only these parts of the page anew"
    results.add_argument("--only", nargs="+", choices=("reference", "ablation", "shipped"), help=text)
    results.add_argument("--finished", action="store_true", help="ablation: train nothing, show the finished runs")
    results.add_argument("--out", type=Path, default=Path("docs/results.md"), help="default: %(default)s")


def _settings_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="TOML file of settings; flags win over it")
    _run_flag(parser)
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    add_flags(parser)


def _run_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, required=True, help="directory of the run")


def _certain_flag(parser: argparse.ArgumentParser) -> None:
    text = "accuracy that the answers are to reach which are not called uncertain (default: %(default)s)"
    parser.add_argument("--certain-accuracy", type=_share, default=CERTAIN_ACCURACY, metavar="SHARE", help=text)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must be 0 to 1, not {text}")
    return share


if __name__ == "__main__":
    sys.exit(main())
