"""What can happen to the files of a version after it was published: on a disk, in a copy, by a hand that slips."""

import os
import random
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from model_store.layout import EXTRA, FUSED_GRAPH, MANIFEST, SAVED_MODEL
from tests.system.server import ROOT

MODEL = ROOT / "model_store" / "models" / "gru" / "1"
"""The version of which all that is damaged here are copies."""

FILES = sorted(str(path.relative_to(MODEL)) for path in MODEL.rglob("*") if path.is_file())
DIRECTORIES = sorted(str(path.relative_to(MODEL)) for path in MODEL.rglob("*") if path.is_dir())

_HUGE = 2**42
"""Bytes; a file of holes takes no space, but reading it would take an hour."""


class Damage(NamedTuple):
    """Something that happens to a version.

    Attributes:
        kind: what it is called in the table.
        what: what it is done to, for whoever looks for it.
        do: does it to the directory of a version.
    """

    kind: str
    what: str
    do: Callable[[Path], object]


def damages(seed: int) -> Iterator[Damage]:
    """Yield every damage; the seed chooses places and bits."""
    chosen = random.Random(seed)
    yield from _of_every_file(chosen)
    yield from _of_directories()
    for number in range(6):
        yield from _flipped(chosen, "bit flipped", 1 + 7 * (number > 2))
    for names in (FILES, [MANIFEST, *(name for name in FILES if name != MANIFEST)]):
        for count in range(1, len(names)):
            yield Damage("copy not finished", f"{count} files", _keeping(names[:count]))
    for name in _EXTRA:
        yield Damage("extra file", name, at(name, _write))


_EXTRA = (
    *("evil.py", "saved_model.pbtxt", ".hidden", "variables/variables.data-00001-of-00002", "assets/vocabulary.txt"),
    *(f"{EXTRA}/model.ort", f"{EXTRA}/.manifest.json.swp", f"{EXTRA}/report/new.png"),
)


def at(name: str, act: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what acts on a file of a version."""

    def do(version: Path) -> None:
        act(version / name)

    return do


def writing(raw: bytes) -> Callable[[Path], object]:
    """Return what gives a file this content."""
    return lambda path: path.write_bytes(raw)


def _of_every_file(chosen: random.Random) -> Iterator[Damage]:
    """Yield what can become of any file."""
    for name in FILES:
        share = chosen.random()
        acts: dict[str, Callable[[Path], object]] = {
            "missing": Path.unlink,
            "empty": writing(b""),
            "truncated": partial(_cut, share=share),
            "longer": writing((MODEL / name).read_bytes() + b"\n"),
            "zeros within": partial(_blank, share=share),
            "huge": partial(os.truncate, length=_HUGE),
            "directory instead": partial(_replace, make=Path.mkdir),
            "pipe instead": partial(_replace, make=os.mkfifo),
            "link to its copy": partial(_link, target=MODEL / name),
            "file of another model": writing(_of_another(name)),
        }
        yield from (Damage(kind, name, at(name, act)) for kind, act in acts.items())
    for target in ("/etc/passwd", "/dev/zero", "/dev/stdin", "nowhere", "..", "model.onnx"):
        yield Damage("link elsewhere", target, at(FUSED_GRAPH, partial(_link, target=target)))
    yield Damage("socket instead", SAVED_MODEL, at(SAVED_MODEL, partial(_replace, make=_socket)))


def _of_directories() -> Iterator[Damage]:
    for name in DIRECTORIES:
        yield Damage("directory missing", name, at(name, shutil.rmtree))
        yield Damage("link to a directory", name, at(name, partial(_link, target=MODEL / name)))
    yield Damage("link to a directory", "the version", partial(_link, target=MODEL))
    for kind, make in (("file", _write), ("pipe", os.mkfifo), ("empty directory", Path.mkdir), ("model", _another)):
        yield Damage("something else instead of the version", kind, partial(_replace, make=make))
    yield Damage("one directory too deep", "", _nested)


def _flipped(chosen: random.Random, kind: str, bits: int) -> Iterator[Damage]:
    for name in FILES:
        places = [chosen.randrange((MODEL / name).stat().st_size * 8) for _ in range(bits)]
        yield Damage(kind, f"{name}, bits {places}", at(name, partial(_flip, places=places)))


def _flip(path: Path, places: list[int]) -> None:
    raw = bytearray(path.read_bytes())
    for place in places:
        raw[place // 8 % len(raw)] ^= 1 << place % 8
    path.write_bytes(raw)


def _cut(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def _blank(path: Path, share: float) -> None:
    """Write zeros over some bytes, as a disk does that lost a block."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(size * share * 0.9))
        file.write(bytes(min(4096, max(8, size // 10))))


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    _remove(path)
    make(path)


def _link(path: Path, target: Path | str) -> None:
    _remove(path)
    path.symlink_to(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _of_another(name: str) -> bytes:
    """Return the file of that name of a model of other data; nothing where it has none."""
    other = MODEL.parents[1] / "chatbot" / "1" / name
    return other.read_bytes() if other.exists() else b""


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket may only be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _write(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"extra")


def _nested(version: Path) -> None:
    inner = version.with_name("inner")
    version.rename(inner)
    version.mkdir()
    inner.rename(version / "1")


def _another(version: Path) -> None:
    shutil.copytree(MODEL.parents[1] / "lstm" / "1", version)


def _keeping(names: list[str]) -> Callable[[Path], None]:
    """Return what leaves only these files, and the directories that they are in."""

    def keep(version: Path) -> None:
        for name in set(FILES) - set(names):
            (version / name).unlink()
        for directory in sorted(DIRECTORIES, reverse=True):
            if not any((version / directory).iterdir()):
                (version / directory).rmdir()

    return keep
