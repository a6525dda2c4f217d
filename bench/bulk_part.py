"""Bulk scoring, file to file: the tables that `python -m bench.bulk` prints, and the bars that they are held to."""

import subprocess
import sys

from bench.findings import Bar, Part, Spread
from bench.running import ROOT
from bench.stores import MODEL
from bench.workplace import Workplace
from service.processors import usable_processors

_LONGER = 10
Row = dict[str, str]


def measure(workplace: Workplace) -> Part:
    """Score a file with one worker and with all processors, then once one that is ten times as long."""
    plan, most = workplace.plan, str(usable_processors())
    rows = plan.bulk_rows
    many = _run(workplace, f"--rows={rows}", f"--repeat={plan.rounds}", "--workers", *sorted({"1", most}))
    once = _run(workplace, f"--rows={rows * _LONGER}", "--repeat=1", "--workers", most)
    last, longer = _rows(many)[-1], _rows(once)[-1]
    speed = _figure(last, "texts/s")
    growth = _figure(longer, "peak MB") / _figure(last, "peak MB")
    bars = [
        Bar(f"bulk, file to file, {most} processors (indicative)", 50_000, 100_000, "texts/s", Spread.of([speed])),
        Bar(
            f"bulk: peak memory over {rows * _LONGER:,} rows against over {rows:,}",
            *(1.05, 1.05, "x", Spread.of([growth])),
            at_least=False,
        ),
    ]
    return Part("Bulk", f"`python -m service score`, TSV to TSV. {many}\n\n{once}", bars)


def _run(workplace: Workplace, *arguments: str) -> str:
    """Return the Markdown that the measurement prints; what it says on its way goes to stderr."""
    command = [sys.executable, "-m", "bench.bulk", f"--store={workplace.store}", *arguments, "--", f"--model={MODEL}"]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _rows(markdown: str) -> list[Row]:
    lines = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in markdown.splitlines() if line.startswith("|")
    ]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def _figure(row: Row, column: str) -> float:
    return float(row[column].replace(",", ""))
