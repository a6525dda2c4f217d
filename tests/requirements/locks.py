"""The locks as the tests read them, and what a lock has to be, as a function that names what is wrong."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"

_HASH = re.compile(r"--hash=(\S+)")


@dataclass(frozen=True)
class Locked:
    """A line of a lock: what is required, and the hashes of the files that may be installed for it."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def version(self) -> str:
        """The one version that fits; empty if it is not pinned."""
        [*pins] = self.requirement.specifier
        return pins[0].version if len(pins) == 1 and pins[0].operator == "==" else ""


def declared(extras: tuple[str, ...]) -> list[Requirement]:
    """Return what pyproject.toml asks for with these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def read(lock: str) -> list[Locked]:
    """Read the text of a lock, or rather what pip would install of it."""
    return [
        Locked(Requirement(line.partition(" --")[0].strip()), frozenset(_HASH.findall(line)))
        for line in _lines(lock)
        if not line.startswith("-")
    ]


def complaints(lock: str, extras: tuple[str, ...]) -> list[str]:
    """Name everything about a lock by which something else could be installed than what was locked."""
    options = [f"an option: {line}" for line in _lines(lock) if line.startswith("-")]
    try:
        locked = read(lock)
    except InvalidRequirement as error:
        return [*options, f"not a requirement: {str(error).splitlines()[0]}"]
    return [*options, *(complaint for each in locked for complaint in _line(each)), *_missing(locked, extras)]


def _lines(lock: str) -> Iterator[str]:
    for line in lock.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            yield " ".join(line.split())


def _line(locked: Locked) -> Iterator[str]:
    name = locked.requirement.name
    if locked.requirement.url:
        yield f"{name}: from an address"
    if not locked.version or "*" in locked.version:
        yield f"{name}: not pinned"
    if not locked.hashes or not all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in locked.hashes):
        yield f"{name}: without hashes"


def _missing(locked: list[Locked], extras: tuple[str, ...]) -> Iterator[str]:
    """Name what pyproject.toml asks for and the lock has not, or not in a version that it allows."""
    for wanted in declared(extras):
        name = canonicalize_name(wanted.name)
        found = [each for each in locked if canonicalize_name(each.requirement.name) == name]
        if not found:
            yield f"{name}: not locked"
        for each in found:
            if each.version and not wanted.specifier.contains(each.version):
                yield f"{name}: {each.version} is locked, pyproject.toml asks for {wanted.specifier}"
            if not wanted.extras <= each.requirement.extras:
                yield f"{name}: locked without its extras"
