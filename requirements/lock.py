"""Writes the locked requirements anew from pyproject.toml: every package with its hashes, no index address."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

LOCKS: dict[str, tuple[str, ...]] = {
    "service": ("service",),
    "tensorflow": ("service", "tensorflow"),
    "tensorflow-cuda": ("service", "tensorflow-cuda"),
    "dev": ("service", "bulk", "tensorflow", "training", "dev"),
    "bench": ("service", "bulk", "tensorflow", "bench"),
    "gpu-check": ("service", "bulk", "tensorflow-cuda", "training", "dev"),
}
"""The extras that each file locks together."""


def main() -> None:
    """Lock every file for Python 3.11 to 3.13 on all platforms; versions already locked stay unless they must go."""
    for name, extras in LOCKS.items():
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "pyproject.toml",
            "--output-file",
            f"requirements/{name}.txt",
        ]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
        command += ["--no-strip-extras"]  # older releases of pip take a pin without its extra for no pin
        command += [flag for extra in extras for flag in ("--extra", extra)]
        subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  a fixed command
        print(f"requirements/{name}.txt")


if __name__ == "__main__":
    main()
