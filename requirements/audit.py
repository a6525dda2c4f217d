"""Asks for known vulnerabilities of every locked package; tells apart that there are none and that nobody knows.

pip-audit asks the index of Python packages for advisories. What it cannot look up there it passes over, and still ends
well; here that is no good end.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

HERE = Path(__file__).parent

GOOD, VULNERABLE, UNKNOWN = 0, 1, 2
"""Statuses of the command: nothing is known against any package; something is; not all could be looked up."""

Ask = Callable[[Path], str]
"""Returns what pip-audit says of a lock, as JSON; nothing, or something else, if it could not ask."""


class Found(NamedTuple):
    """What is known of the packages of a lock.

    Attributes:
        packages: how many there are.
        vulnerable: a line for each vulnerability.
        unknown: the packages that could not be looked up; None if none could.
    """

    packages: int
    vulnerable: Sequence[str]
    unknown: Sequence[str] | None


def audit(locks: Sequence[Path], ask: Ask, out: TextIO) -> int:
    """Audit locks; print what was found and return the status."""
    status = GOOD
    for lock in locks:
        found = read(ask(lock))
        status = max(status, _status(found), key=_GRAVITY.index)
        print(f"{lock.name}: {_told(found)}", file=out)
    return status


def read(said: str) -> Found:
    """Read what pip-audit said."""
    try:
        packages: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Found(0, (), None)
    vulnerable = [
        f"{package['name']} {package['version']}: {each['id']}, repaired in {', '.join(each['fix_versions']) or 'none'}"
        for package in packages
        for each in package.get("vulns", ())
    ]
    return Found(len(packages), vulnerable, [package["name"] for package in packages if "skip_reason" in package])


_GRAVITY = (GOOD, UNKNOWN, VULNERABLE)


def _status(found: Found) -> int:
    if found.vulnerable:
        return VULNERABLE
    return GOOD if found.packages and found.unknown is not None and not found.unknown else UNKNOWN


def _told(found: Found) -> str:
    lines = [*found.vulnerable]
    if found.unknown is None:
        lines.append("NOT AUDITED: no answer from the service that knows vulnerabilities (it needs the internet)")
    elif found.unknown:
        lines.append(f"NOT AUDITED: {len(found.unknown)} of {found.packages} packages are not known there")
    return "\n  ".join(lines or [f"nothing is known against any of its {found.packages} packages"])


def _pip_audit(lock: Path) -> str:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  a fixed command


if __name__ == "__main__":
    sys.exit(audit(sorted(HERE.glob("*.txt")), _pip_audit, sys.stdout))
