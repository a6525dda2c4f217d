"""Writes the locked requirements anew from pyproject.toml: every package with its hashes, no index address."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

LOCKS: dict[str, tuple[str, ...]] = {
    "dev": ("service", "bulk", "tensorflow", "training", "dev"),
    "gpu-check": ("service", "bulk", "tensorflow-cuda", "training", "dev"),
    "service": ("service",),
    "tensorflow": ("service", "tensorflow"),
    "tensorflow-cuda": ("service", "tensorflow-cuda"),
    "bench": ("service", "bulk", "tensorflow", "bench"),
}
"""The extras that each file locks together."""

TESTED_BY = {"service": "dev", "tensorflow": "dev", "tensorflow-cuda": "gpu-check"}
"""The lock of an image, and that of the tests: no package of the first has another version than in the second."""


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
        if name in TESTED_BY:
            command += ["--constraint", f"requirements/{TESTED_BY[name]}.txt"]
        command += [flag for extra in extras for flag in ("--extra", extra)]
        subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  a fixed command
        print(f"requirements/{name}.txt")


if __name__ == "__main__":
    main()
