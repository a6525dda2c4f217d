"""What was measured on, and with what."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.processes import steal_s
from bench.running import ROOT
from service.processors import usable_processors

_PACKAGES = (
    *("fastapi", "starlette", "uvicorn", "pydantic", "onnxruntime", "sentencepiece", "numpy"),
    *("tensorflow-cpu", "tensorflow", "keras", "litserve", "bentoml", "ray"),
)
_BUSY = 0.25
"""Processes that wanted a processor, per processor, above which the machine was not quiet."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How busy the machine was with other things."""

    when: datetime
    load: float
    steal_s: float

    @classmethod
    def now(cls) -> "Moment":
        """Look."""
        return cls(datetime.now(UTC), os.getloadavg()[0], steal_s())


def facts(start: Moment, end: Moment) -> str:
    """Return them as a Markdown list, with a warning if the machine was not quiet when it began."""
    processors = usable_processors()
    minutes = (end.when - start.when).total_seconds() / 60
    stolen = (end.steal_s - start.steal_s) / max(1e-9, minutes * 60 * processors)
    lines = [
        f"- {start.when:%Y-%m-%d %H:%M} UTC, {minutes:.0f} minutes; commit {_commit()}",
        f"- {_processor()}, {processors} usable; Linux {platform.release()}; Python {platform.python_version()}",
        f"- load average when it began {start.load:.2f}, when it ended {end.load:.2f}; "
        f"{stolen:.1%} of processor time was taken by the host",
        f"- {', '.join(_versions())}",
    ]
    if start.load > _BUSY * processors:
        lines.append("- **The machine was busy with other things when this began; the figures are worth little.**")
    return "\n".join(lines)


def _versions() -> list[str]:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
