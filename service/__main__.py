"""The command line: `serve`, `score` (files), `check-models` and `signatures` (of the store), `experiments`."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from service.bulk.options import add_options, options_of
from service.errors import StartError
from service.experiments import command
from service.security import command as keys
from service.security import signing
from service.settings import Settings, load_settings, variable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit status: 0, 1 if it failed or a version is refused, 2 if it cannot start."""
    chosen = _parser().parse_args(arguments)
    try:
        run: Callable[[Settings, argparse.Namespace], int] = chosen.run
        return run(load_settings(), chosen)
    except StartError as error:
        print(f"nunchi: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serves the sentiment models of the model store.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, run, summary, description in _VERBS:
        verb = verbs.add_parser(
            name,
            help=summary,
            description=description,
            epilog=_settings_help(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.set_defaults(run=run)
        if name in _OPTIONS:
            _OPTIONS[name](verb)
    return parser


def _settings_help() -> str:
    """List the settings: they come from the environment, not from flags, so that containers set them alike."""
    lines = [f"  {variable(name):22} {field.description}" for name, field in Settings.model_fields.items()]
    return "\n".join(["environment variables (defaults in docs/settings.md):", *lines])


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from service.recycling import supervised  # noqa: PLC0415 - help and errors should not wait for what serves

    if supervised(settings):
        from service.supervisor import supervise  # noqa: PLC0415 - the supervisor itself answers nothing

        return supervise(settings)
    from service.server import serve  # noqa: PLC0415 - help and errors should not wait for FastAPI

    return serve(settings)


def _score(settings: Settings, chosen: argparse.Namespace) -> int:
    from service.bulk.run import score  # noqa: PLC0415 - as above

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both leave what --resume can go on with
    return score(options_of(chosen), settings)


def _check_models(settings: Settings, _: argparse.Namespace) -> int:
    from service.checking import check_models  # noqa: PLC0415 - as above

    return check_models(settings, sys.stdout)


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "score": add_options,
    "keys": keys.add_options,
    "experiments": command.add_options,
    "signatures": signing.add_options,
}
_VERBS = (
    (
        "serve",
        _serve,
        "answer requests over HTTP until told to stop",
        "Loads every version of the model store and answers on NUNCHI_HOST:NUNCHI_PORT; /docs describes the routes.\n"
        "Try it:\n"
        '  curl -s localhost:8000/predict -d \'{"text": "배우들 연기가 정말 좋았어요"}\'',
    ),
    (
        "score",
        _score,
        "score a file of any size: TSV, CSV, JSON Lines or Parquet",
        "Writes every row of INPUT with its label, the probability of each label, and the model that gave them.\n"
        "Rows that cannot be scored are kept apart and never stop the run. docs/bulk.md has the details.\n"
        "Try it:\n"
        "  python -m service score reviews.tsv --model gru --out scored.tsv",
    ),
    (
        "check-models",
        _check_models,
        "prove every version of the store; exit 1 if one is refused",
        "Verifies every file of every version, loads it with the engine that would serve it, replays its golden\n"
        "examples, and prints what came of it. Nothing is served.",
    ),
    (
        "keys",
        keys.run,
        "make, list and revoke API keys",
        "A service with NUNCHI_API_KEYS_FILE answers callers with a key of that file only. It holds hashes, no keys,\n"
        "and is followed: what is changed here is in force within two seconds.\n"
        "Try it:\n"
        "  python -m service keys create --name team-a --scopes predict,feedback --file state/keys.json",
    ),
    (
        "experiments",
        command.run,
        "list and check experiments, and report which model to keep",
        "Experiments compare models on the traffic that a service answers. They are declared in one TOML file, which\n"
        "NUNCHI_EXPERIMENTS names; deploy/experiments.toml is an example that explains itself.\n"
        "Try it:\n"
        "  python -m service experiments check deploy/experiments.toml",
    ),
    (
        "signatures",
        signing.run,
        "make keys, sign versions, and tell which are signed",
        "Where NUNCHI_TRUSTED_KEYS_FILE is set, only versions are served that one of its keys has signed.",
    ),
)

if __name__ == "__main__":
    sys.exit(main())
