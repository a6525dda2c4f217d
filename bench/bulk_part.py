"""Bulk scoring, file to file: whatever `bench/bulk.py` measures."""

import subprocess
import sys
from importlib.util import find_spec

from bench.findings import Part
from bench.running import ROOT
from bench.workplace import Workplace


def measure(workplace: Workplace) -> Part:
    """Run it and keep the Markdown that it prints."""
    if not find_spec("bench.bulk"):
        return Part("Bulk", "Not measured: bench/bulk.py is not there.")
    command = [sys.executable, "-m", "bench.bulk", f"--store={workplace.given.absolute()}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return Part("Bulk", done.stdout.strip() or f"Not measured: it ended with status {done.returncode}.")
