"""The verb `keys`: makes, lists and revokes API keys, in the file that a running service follows."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TextIO, get_args

from pydantic import ValidationError

from service.errors import StartError
from service.listing import aligned
from service.security.entries import Entry, Scope, changing, decode, read
from service.security.keys import new_key
from service.settings import Settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the three actions, each with its flags."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, act, summary, description in _ACTIONS:
        action = actions.add_parser(
            name, help=summary, description=description, epilog=parser.epilog, formatter_class=parser.formatter_class
        )
        action.set_defaults(act=act)
        action.add_argument("--file", type=Path, help="file of the keys (default: NUNCHI_API_KEYS_FILE)")
        if name == "create":
            _add_description(action)
        if name == "revoke":
            action.add_argument("key", metavar="ID|NAME", help="of one key, or of all keys with this name")


def _add_description(action: argparse.ArgumentParser) -> None:
    """Add the flags that say what a key is for."""
    scopes = ", ".join(get_args(Scope))
    action.add_argument("--name", required=True, help="who gets it; several keys may have the same name")
    action.add_argument("--scopes", required=True, help=f"what it may do, with commas between them: {scopes}")
    action.add_argument("--days", type=_positive, metavar="N", help="days until it expires (default: never)")
    action.add_argument("--limit", metavar="N/UNIT", help="most texts, such as 50/s or 600/min (default: no limit)")
    action.add_argument("--burst", type=_positive, metavar="N", help="most texts at once (default: N of the limit)")


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Run the action that was chosen; return the exit status."""
    act: Callable[[Path, argparse.Namespace, TextIO], int] = chosen.act
    path = chosen.file or settings.api_keys_file
    if path is None:
        raise StartError("which file? name it with --file or NUNCHI_API_KEYS_FILE")
    return act(path, chosen, sys.stdout)


def _create(path: Path, chosen: argparse.Namespace, out: TextIO) -> int:
    key = new_key()
    entry = _entry(key, chosen)
    with changing(path) as (entries, replace):
        replace([*entries, entry])
    print(key, file=out)
    print(f"{entry.id} is in {path}. The key above is stored nowhere: it will not be shown again.", file=sys.stderr)
    return 0


def _entry(key: str, chosen: argparse.Namespace) -> Entry:
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        return Entry(
            name=chosen.name,
            sha256=sha256(key.encode()).hexdigest(),
            scopes=tuple(chosen.scopes.split(",")),
            created=now,
            expires=now + timedelta(days=chosen.days) if chosen.days else None,
            limit=chosen.limit,
            burst=chosen.burst,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StartError(f"--{first['loc'][0]}: {first['msg']}") from error


def _list(path: Path, _: argparse.Namespace, out: TextIO) -> int:
    entries = decode(read(path), path)
    rows = [("id", "name", "scopes", "limit", "created", "expires")]
    for entry in entries:
        burst = f", {entry.burst} at once" if entry.burst else ""
        limit = f"{entry.limit}{burst}" if entry.limit else "-"
        rows.append((entry.id, entry.name, ",".join(entry.scopes), limit, _day(entry.created), _until(entry)))
    print(aligned(rows), file=out)
    return 0


def _revoke(path: Path, chosen: argparse.Namespace, out: TextIO) -> int:
    with changing(path) as (entries, replace):
        kept = [entry for entry in entries if chosen.key not in (entry.id, entry.name)]
        revoked = len(entries) - len(kept)
        if revoked:
            replace(kept)
    print(f"{revoked} of {len(entries)} keys revoked; a service that runs knows it within two seconds", file=out)
    return 0 if revoked else 1


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _until(entry: Entry) -> str:
    if entry.expires is None:
        return "never"
    return _day(entry.expires) + (" (over)" if entry.expires < datetime.now(UTC) else "")


def _positive(given: str) -> int:
    """Read a number of things, 1 or more."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given} is no number from 1")
    return int(given)


_ACTIONS: Sequence[tuple[str, Callable[[Path, argparse.Namespace, TextIO], int], str, str]] = (
    (
        "create",
        _create,
        "make a key and print it, once",
        "Prints the key on standard output, alone, and adds its SHA-256 to the file, made if it is not there.\n"
        "To change keys without a pause, create a second one of the same name, hand it out, and revoke the first by\n"
        "its id.\n"
        "Try it:\n"
        "  python -m service keys create --name team-a --scopes predict,feedback --file state/keys.json",
    ),
    ("list", _list, "show the keys: who has them, what they may do", "Shows everything that is known of the keys."),
    ("revoke", _revoke, "let a key be good no longer; exit 1 if there is none", "Removes a key, or all of a name."),
)
