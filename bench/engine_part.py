"""The engines alone, by batch and length: the fused graph, XLA, and the SavedModel's signature as it is."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from bench.engine_alone import BATCHES, ENGINES, LENGTHS
from bench.findings import Bar, Chart, Part, Spread, short, table
from bench.running import ROOT
from bench.workplace import Workplace, report

_ONE_TEXT = "1 x 30"


def measure(workplace: Workplace) -> Part:
    """Run each engine in a process of its own, in turn."""
    names = list(ENGINES) if find_spec("tensorflow") else ["fused"]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(workplace.plan.rounds):
        for name in names:
            report(f"  round {number + 1} of {workplace.plan.rounds}: {name}")
            found[name].append(_alone(name, workplace.store))
    shapes = [f"{batch} x {length}" for batch in BATCHES for length in LENGTHS]
    figures = {name: {shape: [run[shape] for run in runs] for shape in shapes} for name, runs in found.items()}
    rows = [[shape, *(Spread.of(figures[name][shape]) for name in names), *_faster(figures, shape)] for shape in shapes]
    heads = ["texts x tokens", *(f"{name} µs" for name in names), *(f"{name} / fused" for name in names[1:])]
    one = {name: Spread.of(figures[name][_ONE_TEXT]) for name in names}
    gain = Spread.ratio(figures["signature"][_ONE_TEXT], figures["fused"][_ONE_TEXT]) if len(names) > 1 else None
    bar = Bar("fused engine, one text of 30 tokens, against the SavedModel's signature", 20, 60, "x", gain)
    chart = Chart("One text of 30 tokens, engine alone (less is better)", "µs", one)
    return Part("The engines alone", f"{_TEXT}\n\n{table(heads, rows)}", [bar], [chart])


def _alone(name: str, store: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.engine_alone", name, str(store.absolute())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    times: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return times


def _faster(figures: dict[str, dict[str, list[float]]], shape: str) -> list[str]:
    fused = Spread.of(figures["fused"][shape]).median
    return [short(Spread.of(shapes[shape]).median / fused) for name, shapes in figures.items() if name != "fused"]


_TEXT = """Microseconds that a call takes from ids in Python lists to probabilities in an array: medians of many calls
in each round, each engine in a process of its own. *fused* is the graph in ONNX Runtime on one thread, *XLA* the
service's TensorFlow engine, which pads to its compiled shapes, *signature* the SavedModel's own, with TensorFlow's own
settings."""
