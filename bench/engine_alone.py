"""One engine, without HTTP: prints microseconds per call as JSON. Usage: python -m bench.engine_alone NAME STORE."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.stores import latest
from model_store.golden import pad
from model_store.layout import StoredVersion, verify
from service.processors import usable_processors

BATCHES = (1, 8, 64)
LENGTHS = (8, 16, 30, 64, 128)
_CALLS_S = 0.2
"""How long each shape is called."""

Rows = list[list[int]]


def _fused(stored: StoredVersion) -> Callable[[Rows], object]:
    from service.engines.onnx import OnnxRuntime  # noqa: PLC0415 - each process imports its own engine only

    return OnnxRuntime().open(stored).score


def _compiled(stored: StoredVersion) -> Callable[[Rows], object]:
    from service.engines.tensorflow import TensorFlowRuntime  # noqa: PLC0415

    return TensorFlowRuntime("cpu", usable_processors()).open(stored).score


def _signature(stored: StoredVersion) -> Callable[[Rows], object]:
    import tensorflow  # noqa: PLC0415

    loaded = tensorflow.saved_model.load(str(stored.path))
    signature = loaded.signatures["serving_default"]

    def score(rows: Rows, kept: object = loaded) -> object:  # noqa: ARG001 - the variables live no longer than it
        return signature(ids=tensorflow.constant(pad(rows)))["probabilities"].numpy()

    return score


ENGINES = {"fused": _fused, "XLA": _compiled, "signature": _signature}
"""By their names in tables: the fused graph, the service's TensorFlow engine, the SavedModel as it is."""


def _microseconds(call: Callable[[], object]) -> float:
    """Return the median time of a call, after a tenth of the calls as a warm-up."""
    end = time.perf_counter() + 0.1 * _CALLS_S
    while time.perf_counter() < end:
        call()
    times = []
    end = time.perf_counter() + _CALLS_S
    while time.perf_counter() < end:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return float(np.median(times)) * 1e6


def main(name: str, store: Path) -> None:
    """Measure every shape with random ids."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stored = verify(store, latest(store))
    score = ENGINES[name](stored)
    source = np.random.default_rng(7)
    times = {}
    for batch in BATCHES:
        for length in LENGTHS:
            rows = source.integers(2, stored.manifest.encoder.size, (batch, length)).tolist()
            times[f"{batch} x {length}"] = _microseconds(lambda rows=rows: score(rows))  # type: ignore[misc]
    print(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
