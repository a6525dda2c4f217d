"""Bulk scoring, file to file: texts per second and peak memory of all its processes.

`python -m bench.bulk --rows 200000 1000000 --workers 1 2` measures every pair, start of the process included; `--file`
takes a file instead of writing one; what follows `--` goes to `score` as it is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import processes
from bench.texts import reviews
from model_store.layout import DEFAULT_STORE

ROOT = Path(__file__).parents[1]
_SAMPLE_S = 0.1


class Measured(NamedTuple):
    """One run.

    Attributes:
        wall_s: from the start of the process to its end.
        cpu_s: processor time of all its processes.
        peak_mb: largest resident memory of all of them together, in 10^6 bytes; pages that they share count for each.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(path: Path, arguments: argparse.Namespace, workers: int) -> Measured:
    """Score a file once and forget what came out."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / f"scored{''.join(path.suffixes)}"
        command = [sys.executable, "-m", "service", "score", str(path), "--out", str(out), "--quiet"]
        command += ["--workers", str(workers), *arguments.flags]
        environment = {**os.environ, "NUNCHI_MODEL_STORE": str(arguments.store)}
        before_s, started = _children_s(), time.perf_counter()
        peak_mb = 0.0
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            while process.poll() is None:
                peak_mb = max(peak_mb, sum(map(processes.resident_mb, processes.family(process.pid))))
                time.sleep(_SAMPLE_S)
        if process.returncode:
            raise SystemExit(process.returncode)
        return Measured(time.perf_counter() - started, _children_s() - before_s, peak_mb)


def write_rows(path: Path, rows: int) -> None:
    """Write a TSV of as many reviews, again from the first when all are used."""
    texts, _ = reviews(min(rows, 200_000))
    with path.open("w", encoding="utf-8") as file:
        file.write("id\ttext\n")
        file.writelines(f"{number}\t{text}\n" for number, text in enumerate(islice(cycle(texts), rows), 1))


def _line(rows: int, workers: int, runs: list[Measured]) -> str:
    wall_s, cpu_s, peak_mb = (median(values) for values in zip(*runs, strict=True))
    figures = f"{rows / wall_s:,.0f} | {wall_s:.1f} | {cpu_s / rows * 1e6:.1f} | {peak_mb:.0f}"
    return f"| {rows:,} | {workers} | {figures} |"


def _inputs(arguments: argparse.Namespace, directory: Path) -> Iterator[tuple[Path, int]]:
    if arguments.file:
        yield arguments.file, arguments.rows[0]
        return
    for rows in arguments.rows:
        path = directory / f"{rows}.tsv"
        write_rows(path, rows)
        yield path, rows
        path.unlink()


def _children_s() -> float:
    usage = os.times()
    return usage.children_user + usage.children_system


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.bulk", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000], help="sizes of the input")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, alternating; the medians are printed")
    parser.add_argument("--store", type=Path, default=DEFAULT_STORE, help="directory of the model versions")
    parser.add_argument("--file", type=Path, help="a file to score instead; its number of rows with --rows")
    parser.add_argument("flags", nargs="*", help="further flags of score, after --")
    return parser


def main() -> None:
    """Measure and print a table."""
    arguments = _parser().parse_args()
    origin = f"{arguments.file}" if arguments.file else reviews(1)[1]
    print(f"{origin}; medians of {arguments.repeat}; load when it began {os.getloadavg()[0]:.1f}\n")
    print("| rows | workers | texts/s | s | CPU us/text | peak MB |\n|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        for path, rows in _inputs(arguments, Path(directory)):
            runs = {workers: list[Measured]() for workers in arguments.workers}
            for workers in [*runs] * arguments.repeat:
                runs[workers].append(measure(path, arguments, workers))
            for workers, measured in runs.items():
                print(_line(rows, workers, measured), flush=True)


if __name__ == "__main__":
    main()
