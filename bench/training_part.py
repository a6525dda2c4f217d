"""Training: texts a second against Keras' `fit` on everything padded, with the same model and the same batches."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.findings import Bar, Chart, Part, Spread, table
from bench.running import ROOT
from bench.training_alone import BATCH, JAX, LENGTH, ORDINARY, TENSORFLOW
from bench.workplace import Workplace, report

VARIANTS = ("gru", "lstm", "rnn")
_EPOCHS = 3
_WHOLE_ROWS, _WHOLE_EPOCHS = 135_000, 5
"""A run with the reference settings: the training reviews without the validation part."""


@dataclass(frozen=True, slots=True)
class Speed:
    """One run of a few epochs.

    Attributes:
        steady: texts a second after the first epoch.
        beforehand: seconds that the first epoch took longer: tracing and compiling.
    """

    steady: float
    beforehand: float

    @classmethod
    def of(cls, rows: int, seconds: Sequence[float]) -> "Speed":
        """Take the first epoch apart from the others."""
        later = statistics.mean(seconds[1:])
        return cls(rows / later, max(0.0, seconds[0] - later))

    @property
    def whole(self) -> float:
        """Texts a second of a whole run, with what it takes beforehand."""
        texts = _WHOLE_ROWS * _WHOLE_EPOCHS
        return texts / (self.beforehand + texts / self.steady)


def measure(workplace: Workplace) -> Part:
    """Train every variant in every way, each in a process of its own, in turn."""
    if not find_spec("tensorflow"):
        return Part("Training", "Not measured: TensorFlow is not installed.")
    ways = [ORDINARY, TENSORFLOW, *([JAX] if find_spec("jax") else [])]
    found: dict[tuple[str, str], list[Speed]] = {(variant, way): [] for variant in VARIANTS for way in ways}
    for number in range(workplace.plan.rounds):
        for (variant, way), speeds in found.items():
            report(f"  round {number + 1} of {workplace.plan.rounds}: {variant}, {way}")
            speeds.append(_alone(way, variant, workplace.store, workplace.plan.training_rows))
    whole = {key: [speed.whole for speed in speeds] for key, speeds in found.items()}
    ours = ways[-1]
    bars = [
        Bar(f"training, {variant}: texts/s of a whole run, against `fit` on everything padded", 4, 4, "x",
            Spread.ratio(whole[variant, ours], whole[variant, ORDINARY]))
        for variant in VARIANTS
    ]  # fmt: skip
    charts = {f"{variant}, {way}": Spread.of(values) for (variant, way), values in whole.items()}
    chart = Chart("Training, a whole run (more is better)", "texts/s", charts)
    return Part("Training", f"{_TEXT}\n\n{_table(found, whole)}", bars, [chart])


def _alone(way: str, variant: str, store: Path, rows: int) -> Speed:
    command = [sys.executable, "-m", "bench.training_alone", way, variant, str(store.absolute())]
    command += [str(rows), str(_EPOCHS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    return Speed.of(said["rows"], said["seconds"])


def _table(found: Mapping[tuple[str, str], Sequence[Speed]], whole: Mapping[tuple[str, str], Sequence[float]]) -> str:
    rows = []
    for (variant, way), speeds in found.items():
        steady = [speed.steady for speed in speeds]
        ordinary = [speed.steady for speed in found[variant, ORDINARY]]
        minutes = [_WHOLE_ROWS * _WHOLE_EPOCHS / value / 60 for value in whole[variant, way]]
        rows.append([
            f"{variant}, {way}",
            Spread.of(steady),
            Spread.ratio(steady, ordinary),
            Spread.of([speed.beforehand for speed in speeds]),
            Spread.of(whole[variant, way]),
            Spread.ratio(whole[variant, way], whole[variant, ORDINARY]),
            Spread.of(minutes),
        ])  # fmt: skip
    heads = ["", "texts/s, steady", "/ fit", "beforehand s", "texts/s, whole run", "/ fit", "whole run, minutes"]
    return table(heads, rows)


_TEXT = f"""The reference settings in all ways: embedding 50, 50 units, 10,000 pieces, Adam, batches of {BATCH}, at most
{LENGTH} pieces a text. *fit* is Keras' `fit` on TensorFlow with every text padded to {LENGTH}; *nunchi on TensorFlow*
is what `python -m training train` does there, with batches of like length; *nunchi* the same compiled by XLA on Keras'
JAX backend, which it takes by itself where there is no GPU. Steady: after the first of {_EPOCHS} epochs over the texts
that other parts send, with classes at random, which make no difference to the time. Beforehand: what the first epoch
takes longer, for tracing and compiling. A whole run: {_WHOLE_EPOCHS} epochs of {_WHOLE_ROWS:,} texts, worked out of the
two."""
