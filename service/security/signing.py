"""The verb `signatures`: makes keys, signs versions, and tells which are signed."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from model_store.errors import StoreError, VersionRefusedError
from model_store.layout import StoredVersion, Trust, VersionRef, list_versions, verify
from service.errors import StartError
from service.listing import aligned
from service.settings import Settings

# Keys are imported where they are used: help and errors should not wait for them.


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the three actions, each with its flags."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, act, summary, description in _ACTIONS:
        action = actions.add_parser(
            name, help=summary, description=description, epilog=parser.epilog, formatter_class=parser.formatter_class
        )
        action.set_defaults(act=act)
        if name == "verify":
            action.add_argument("--keys", type=Path, help="file of public keys (default: NUNCHI_TRUSTED_KEYS_FILE)")
        else:
            action.add_argument("--key", type=Path, required=True, help="file of the private key")
        if name != "keygen":
            action.add_argument("versions", nargs="*", metavar="NAME/VERSION", help="which versions (default: all)")


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    """Run the action that was chosen; return the exit status."""
    act: Callable[[Settings, argparse.Namespace, TextIO], int] = chosen.act
    return act(settings, chosen, sys.stdout)


def _keygen(_: Settings, chosen: argparse.Namespace, out: TextIO) -> int:
    from service.security.signatures import make_key  # noqa: PLC0415

    print(make_key(chosen.key), end="", file=out)
    return 0


def _sign(settings: Settings, chosen: argparse.Namespace, out: TextIO) -> int:
    from service.security.signatures import read_key, sign  # noqa: PLC0415

    key = read_key(chosen.key)

    def signed(stored: StoredVersion) -> str:
        sign(stored, key)
        return "signed"

    return _each(settings, chosen.versions, None, signed, out)


def _verify(settings: Settings, chosen: argparse.Namespace, out: TextIO) -> int:
    from service.security.signatures import TrustedKeys  # noqa: PLC0415

    path = chosen.keys or settings.trusted_keys_file
    if path is None:
        raise StartError("no public keys: set NUNCHI_TRUSTED_KEYS_FILE, or name their file with --keys")
    return _each(settings, chosen.versions, TrustedKeys.read(path), lambda _: "good", out)


def _each(
    settings: Settings, named: Sequence[str], trust: Trust | None, act: Callable[[StoredVersion], str], out: TextIO
) -> int:
    """Act on every version that is whole and trusted; print what became of each; return 1 if one was refused."""
    rows = [("version", "verdict")]
    refused = 0
    for ref in _chosen(settings, named):
        try:
            verdict = act(verify(settings.model_store, ref, trust))
        except VersionRefusedError as error:
            verdict = f"refused: {error.reason}"
            refused += 1
        rows.append((str(ref), verdict))
    print(aligned(rows), file=out)
    return 1 if refused else 0


def _chosen(settings: Settings, named: Sequence[str]) -> Iterator[VersionRef]:
    try:
        known = {str(ref): ref for ref in list_versions(settings.model_store)}
    except StoreError as error:
        raise StartError(f"NUNCHI_MODEL_STORE: {error}") from error
    for name in named or known:
        if name not in known:
            raise StartError(f"there is no version {name} in {settings.model_store}")
        yield known[name]


_ACTIONS: tuple[tuple[str, Callable[[Settings, argparse.Namespace, TextIO], int], str, str], ...] = (
    (
        "keygen",
        _keygen,
        "make a pair of keys",
        "Writes the private key to --key, where there must be no file yet, and prints the public one. Try it:\n"
        "  python -m service signatures keygen --key signing.pem >> trusted.pem",
    ),
    (
        "sign",
        _sign,
        "sign versions of the model store",
        "Signs the versions that are named, or all, provided that they are whole. A signature is replaced.\n"
        "Try it:\n"
        "  python -m service signatures sign --key signing.pem gru/1",
    ),
    (
        "verify",
        _verify,
        "tell which versions are signed by a trusted key; exit 1 if one is not",
        "Checks signatures and hashes as the service does before it loads a version. Nothing is loaded.",
    ),
)
