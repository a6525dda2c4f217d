"""The verb `experiments`: lists, checks and reports."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from service.errors import StartError
from service.listing import aligned
from service.settings import Settings, nearest_or_all

if TYPE_CHECKING:
    from service.experiments.declaration import Experiment
    from service.store.database import Database

# What needs the database, or SciPy, is imported where it is used: help and errors should not wait for it.


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the three actions, each with its flags."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, act, summary, description in _ACTIONS:
        action = actions.add_parser(
            name,
            help=summary,
            description=description,
            epilog=parser.epilog,
            formatter_class=parser.formatter_class,
        )
        action.set_defaults(act=act)
        if name == "check":
            action.add_argument("file", nargs="?", type=Path, help="file to check (default: NUNCHI_EXPERIMENTS)")
        if name == "report":
            action.add_argument("name", metavar="NAME", help="of the experiment, as it is declared")
            action.add_argument("--format", choices=("md", "json"), default="md", help="Markdown (default) or JSON")
            action.add_argument("--phase", type=int, metavar="N", help="which phase (default: the newest)")


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Run the action that was chosen; return the exit status."""
    act: Callable[[Settings, argparse.Namespace, TextIO], int] = chosen.act
    return act(settings, chosen, sys.stdout)


def _list(settings: Settings, _: argparse.Namespace, out: TextIO) -> int:
    experiments = _declared(settings)
    phases, trouble = _phases(settings, [experiment.name for experiment in experiments])
    rows = [("experiment", "state", "mode", "phase", "arms and their weights")]
    for experiment in experiments:
        arms = ", ".join(map(str, experiment.arms))
        rows.append((experiment.name, experiment.state, experiment.mode, phases.get(experiment.name, "-"), arms))
    print(aligned(rows), file=out)
    print(f"{len(experiments)} experiments in {settings.experiments}{trouble}", file=out)
    return 0


def _check(settings: Settings, chosen: argparse.Namespace, out: TextIO) -> int:
    from service.experiments.checking import check  # noqa: PLC0415
    from service.experiments.declaration import read  # noqa: PLC0415
    from service.experiments.fields import DeclarationError  # noqa: PLC0415

    path = chosen.file or _file(settings)
    try:
        verdicts = check(read(path), settings.model_store)
    except DeclarationError as error:
        print(f"nunchi: {error}", file=sys.stderr)
        return 1
    rows = [("experiment", "state", "versions", "verdict")]
    for verdict in verdicts:
        versions = ", ".join(map(str, verdict.refs)) or "-"
        problem = "cannot run: " + verdict.reason if verdict.reason else "good"
        rows.append((verdict.experiment.name, verdict.experiment.state, versions, problem))
    refused = sum(verdict.refused for verdict in verdicts)
    print(aligned(rows), file=out)
    print(f"{len(verdicts)} experiments in {path}, {refused} should run and cannot", file=out)
    return 1 if refused else 0


def _report(settings: Settings, chosen: argparse.Namespace, out: TextIO) -> int:
    from service.experiments.rendering import to_json, to_markdown  # noqa: PLC0415
    from service.experiments.report import build_report  # noqa: PLC0415

    declared = {experiment.name: experiment for experiment in _declared(settings)} if settings.experiments else {}
    running = not declared or (chosen.name in declared and declared[chosen.name].state == "running")
    database = _stored(settings)
    report = None
    if database is not None:
        with closing(database):
            report = build_report(database, chosen.name, chosen.phase, running=running)
    if report is None:
        print(f"nunchi: {_nothing(chosen, declared)}", file=sys.stderr)
        return 1
    print(to_json(report).decode() if chosen.format == "json" else to_markdown(report), end="", file=out)
    return 0


def _nothing(chosen: argparse.Namespace, declared: "dict[str, Experiment]") -> str:
    what = f"experiment {chosen.name}" if chosen.phase is None else f"phase {chosen.phase} of experiment {chosen.name}"
    if chosen.name in declared or not declared:
        hint = "it begins when a service runs it"
    else:
        hint = nearest_or_all(chosen.name, declared)
    return f"nothing is stored of {what} (NUNCHI_STORE); {hint}"


def _file(settings: Settings) -> Path:
    if settings.experiments is None:
        raise StartError("NUNCHI_EXPERIMENTS names no file; deploy/experiments.toml is an example of one")
    return settings.experiments


def _declared(settings: Settings) -> "tuple[Experiment, ...]":
    from service.experiments.declaration import read  # noqa: PLC0415

    return read(_file(settings))


def _phases(settings: Settings, names: Sequence[str]) -> tuple[dict[str, str], str]:
    """Return the newest phase of each experiment that ever ran, and, if nobody can say, why."""
    from service.store.phases import read_phases  # noqa: PLC0415

    try:
        database = _stored(settings)
    except StartError as error:
        return {}, f"; their phases are unknown: {error}"
    if database is None:
        return {}, ""
    with closing(database):
        found = {name: read_phases(database, name) for name in names}
    return {name: str(phases[-1].number) for name, phases in found.items() if phases}, ""


def _stored(settings: Settings) -> "Database | None":
    """Open the store; None if it is a file that is not there, which looking must not create."""
    from sqlalchemy import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    from service.store.database import open_database  # noqa: PLC0415

    try:
        url = make_url(settings.store)
    except ArgumentError:
        url = None  # opening it says what is wrong
    if url and url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        return None
    return open_database(settings.store)


_ACTIONS = (
    (
        "list",
        _list,
        "show the declared experiments",
        "Shows the experiments of the file NUNCHI_EXPERIMENTS: state, mode, arms with their weights, and the newest\n"
        "phase, if the store NUNCHI_STORE knows one. What a running service makes of them says GET /experiments.",
    ),
    (
        "check",
        _check,
        "check a file before a service reads it; exit 1 if something is wrong",
        "Says what is wrong with a file of experiments, and whether the model store has the models and versions that\n"
        "its arms name, with the same labels. Nothing is loaded, nothing is changed.\n"
        "Try it:\n"
        "  python -m service experiments check deploy/experiments.toml",
    ),
    (
        "report",
        _report,
        "say which arm to keep, and how sure that is",
        "Reads what was observed of an experiment, and the labels that were given since, from the store NUNCHI_STORE.\n"
        "The same rows always give the same report. Looking often does no harm: its statements hold at any time.\n"
        "Try it:\n"
        "  NUNCHI_EXPERIMENTS=deploy/experiments.toml python -m service experiments report gru-or-lstm",
    ),
)
