"""Which backend of Keras trains, unless `KERAS_BACKEND` says so: on a processor JAX, where a run is not short.

This is decided before Keras is imported, so nothing here may import it.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from training.config import TrainingConfig
from training.history import CHECKPOINT

NOTE = "backend.txt"
"""The file of a run that says what it was begun on: what is rounded in another way does not resume exactly."""

NVIDIA = Path("/proc/driver/nvidia")
"""Is there where the driver is; on a GPU, TensorFlow's own kernels need no compiling."""


WORTH_COMPILING = 2_000
"""Steps of a run; JAX saves 6 milliseconds or more of each, and compiles for 8 seconds beforehand."""

_TEXTS = {"nsmc": 135_000, "chatbot": 9_600}
_BYTES_OF_A_TEXT = 80


def choose_backend(run: Path, config: TrainingConfig) -> None:
    """Let Keras run on what `run` was begun on, or what trains a new one fastest here; keep a choice already made."""
    if "KERAS_BACKEND" in os.environ or "keras" in sys.modules:
        return
    backend = _noted(run) if (run / CHECKPOINT).exists() else _fastest(config)
    os.environ["KERAS_BACKEND"] = backend
    run.mkdir(parents=True, exist_ok=True)
    (run / NOTE).write_text(backend + "\n", encoding="utf-8")


def _noted(run: Path) -> str:
    """Return what a run was begun on; before runs had a note, it was TensorFlow."""
    return (run / NOTE).read_text(encoding="utf-8").strip() if (run / NOTE).is_file() else "tensorflow"


def _fastest(config: TrainingConfig) -> str:
    if NVIDIA.exists() or find_spec("jax") is None:
        return "tensorflow"
    return "jax" if _texts(config) * config.epochs >= WORTH_COMPILING * config.batch_size else "tensorflow"


def _texts(config: TrainingConfig) -> float:
    """Return about how many texts an epoch has, without reading them."""
    own = config.rows or _TEXTS.get(config.dataset) or _texts_in(Path(config.dataset))
    return own + (_texts_in(Path(config.extra)) if config.extra else 0)


def _texts_in(path: Path) -> float:
    return path.stat().st_size / _BYTES_OF_A_TEXT if path.is_file() else 0
