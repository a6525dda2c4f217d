"""Memory does not depend on the size of the file, and a program of which it does is found out."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.service.bulk.command import ROOT, command, environment, family, write_reviews

pytestmark = pytest.mark.system

HOARDING = """
import sys
from service.bulk.columns import added_columns
from service.bulk.formats import open_source, row_writer
from service.bulk.options import Options
from service.bulk.run import find_version
from service.bulk.scorer import Task
from service.bulk.workers import Workers
from service.settings import Settings

if __name__ == "__main__":
    options, settings = Options(sys.argv[1], sys.argv[2]), Settings()
    stored, source = find_version(settings, "gru", None), open_source(options)
    writer = row_writer(options, source, added_columns(source.columns, stored.manifest.labels, stored.ref))
    with Workers(Task(settings, stored.ref, source.parser, writer, False), 1) as workers:
        kept = list(workers.results(source.chunks(None)))
"""


def peak_mb(store: Path, arguments: list[str]) -> float:
    """Return the largest resident memory of a process and its workers, each at its own peak, in MB."""
    peaks: dict[int, int] = {}
    with subprocess.Popen(arguments, cwd=ROOT, env={**environment(store), "PYTHONPATH": str(ROOT)}) as process:
        while process.poll() is None:
            for pid in family(process.pid):
                try:
                    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                except OSError:
                    continue
                peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
                peaks[pid] = max(peaks.get(pid, 0), int(peak))
            time.sleep(0.02)
    assert process.returncode == 0
    return sum(peaks.values()) / 1e3


def growth(store: Path, tmp_path: Path, arguments: list[str]) -> float:
    """Return by what factor the peak grows when a file is eight times as long."""
    peaks = []
    for rows in (20_000, 160_000):
        reviews = write_reviews(tmp_path / f"{rows}.tsv", rows, note="x" * 300)
        filled = [argument.format(reviews=reviews, out=tmp_path / f"{rows}.out.tsv") for argument in arguments]
        peaks.append(peak_mb(store, filled))
    return peaks[1] / peaks[0]


def test_memory_does_not_grow_with_the_file(store: Path, tmp_path: Path) -> None:
    arguments = command("{reviews}", "--out", "{out}", "--quiet", "--workers", "1")
    assert growth(store, tmp_path, arguments) <= 1.05


def test_memory_that_does_grow_is_noticed(store: Path, tmp_path: Path) -> None:
    program = tmp_path / "hoarding.py"
    program.write_text(HOARDING, encoding="utf-8")
    assert growth(store, tmp_path, [sys.executable, str(program), "{reviews}", "{out}"]) > 1.1
