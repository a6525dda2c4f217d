"""Puts damaged versions into the store of a running service, and sees what becomes of them."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

import httpx

from tests.prove.damages import MODEL, Damage
from tests.prove.forgeries import renew
from tests.system.server import Server

NAMES = ("gru", *(f"copy-{number}" for number in range(1, 16)))
"""Models, each with a good version 1; so many damaged versions are in the store at once."""

_PATIENCE_S = 120


class Outcome(NamedTuple):
    """What became of a damaged version: why it was refused; None if it was not."""

    damage: Damage
    reason: str | None


def whole(path: Path, name: str, version: int) -> None:
    """Put a version that is whole somewhere."""
    shutil.copytree(MODEL, path)
    renew(path, name=name, version=version)


def outcomes_of(server: Server, store: Path, wave: Sequence[Damage], number: int) -> list[Outcome]:
    """Put a damaged version of this number into the store for each of the names, and see what becomes of it."""
    placed = {}
    for name, damage in zip(NAMES, wave, strict=False):
        path = store.with_name("staged") / str(number)
        whole(path, name, number)
        before = _look(path)
        damage.do(path)
        assert _look(path) != before, damage
        placed[path.rename(store / name / str(number))] = damage
    return _see(server, placed)


def _see(server: Server, placed: Mapping[Path, Damage]) -> list[Outcome]:
    """Wait until each is refused or served; take them away again."""
    outcomes = []
    for path, damage in placed.items():
        entry = settled(server, path)
        metric = f'sentiment_model_refused{{model="{path.parent.name}",version="{path.name}"}} 1'
        shown = entry["state"] == "refused" and metric in httpx.get(f"{server.url}/metrics", timeout=60).text
        outcomes.append(Outcome(damage, entry["reason"] if shown else None))
    for path in placed:
        _remove(path)
    return outcomes


def _look(path: Path) -> list[tuple[str, int, bytes]]:
    """Return what tells whether a version was changed."""
    return [
        (str(found.relative_to(path)), found.lstat().st_mode, _content(found))
        for found in sorted((path, *path.rglob("*")))
    ]


def _content(path: Path) -> bytes:
    """Return the content of a file, of a huge one the size."""
    status = path.lstat()
    if not S_ISREG(status.st_mode):
        return b""
    return path.read_bytes() if status.st_size < 2**30 else str(status.st_size).encode()


def settled(server: Server, path: Path) -> dict[str, Any]:
    """Return the entry of a version once it is neither unknown nor loading."""
    for _ in range(_PATIENCE_S * 10):
        for entry in httpx.get(f"{server.url}/models", timeout=60).json()["models"]:
            if (entry["model"], str(entry["version"])) == (path.parent.name, path.name):
                found: dict[str, Any] = entry
                if found["state"] in ("refused", "ready"):
                    return found
        time.sleep(0.1)
    return {"state": "never looked at", "reason": None}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def all_ready(server: Server) -> None:
    for name in NAMES:
        assert settled(server, Path(name, "1"))["state"] == "ready"


def serves_a_slow_copy(server: Server, store: Path) -> bool:
    """Copy a whole version file by file under the eyes of the service; tell whether it is served in the end."""
    number = 100_000
    source = store.parent / "staged" / "whole"
    whole(source, NAMES[0], number)
    target = store / NAMES[0] / str(number)
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        time.sleep(0.15)
    for _ in range(_PATIENCE_S * 5):
        if settled(server, target)["state"] == "ready":
            return True
        time.sleep(0.2)
    return False
