"""Writes a bill of materials for each image: every locked package with its version and hashes, as CycloneDX 1.6."""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

IMAGES = {"slim": "service", "cpu": "tensorflow", "gpu": "tensorflow-cuda"}
"""The targets of the Dockerfile, and the lock that each installs."""


def main() -> None:
    """Write `IMAGE.cdx.json` for every image."""
    parser = argparse.ArgumentParser(prog="python requirements/sbom.py", description=__doc__)
    parser.add_argument("directory", type=Path, help="where to write them")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    for image, lock in IMAGES.items():
        write(HERE / f"{lock}.txt", directory / f"{image}.cdx.json")
        print(directory / f"{image}.cdx.json")


def write(lock: Path, bill: Path) -> None:
    """Write the bill of a lock. It needs no network, and the same lock gives the same bytes."""
    command = [sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements", str(lock)]
    command += ["--pyproject", str(HERE.parent / "pyproject.toml"), "--output-reproducible", "-o", str(bill)]
    subprocess.run(command, check=True)  # noqa: S603  a fixed command


if __name__ == "__main__":
    main()
