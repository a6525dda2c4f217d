"""What the epochs of a run gave, and which of them was best."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

CHECKPOINT = "checkpoint.npz"
"""The file of a run that holds its epochs beside all that training goes on from."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training rows gave; losses are log losses, times are seconds."""

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


def best(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest validation accuracy, the earliest of equals."""
    return max(epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.number))


def epochs_to_json(epochs: Sequence[Epoch]) -> str:
    """Return epochs as a checkpoint keeps them."""
    return json.dumps([asdict(epoch) for epoch in epochs])


def read_epochs(run: Path) -> list[Epoch]:
    """Return the finished epochs of a run from its checkpoint."""
    with np.load(run / CHECKPOINT) as stored:
        return [Epoch(**item) for item in json.loads(str(stored["epochs"]))]
