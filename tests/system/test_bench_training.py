"""Training is measured from end to end; how fast it is on a busy machine is nobody's business."""

import json
import subprocess
import sys

import pytest

from bench.training_alone import JAX, ORDINARY
from bench.training_part import Speed
from model_store.layout import DEFAULT_STORE
from tests.system.server import ROOT

pytestmark = [pytest.mark.system, pytest.mark.tensorflow]


@pytest.mark.parametrize("way", [ORDINARY, JAX])
def test_a_way_of_training_tells_how_long_its_epochs_take(way: str) -> None:
    command = [sys.executable, "-m", "bench.training_alone", way, "gru", str(DEFAULT_STORE), "300", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["rows"] > 250
    assert len(said["seconds"]) == 2
    assert min(said["seconds"]) > 0


def test_compiling_counts_once_in_a_whole_run() -> None:
    fast, slow_to_begin = Speed.of(1_000, [1.0, 1.0, 1.0]), Speed.of(1_000, [676.0, 1.0, 1.0])
    assert (fast.steady, fast.beforehand) == (slow_to_begin.steady, 0.0) == (1_000, 0)
    assert fast.whole == pytest.approx(1_000)
    assert slow_to_begin.whole == pytest.approx(500), "675,000 texts take 675 seconds, and so does compiling"
