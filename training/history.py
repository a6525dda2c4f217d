"""What the epochs of a run gave, and which of them was best."""

import json
from collections.abc import Callable, Mapping, Sequence
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


CHOICES: Mapping[str, Callable[[Epoch], float]] = {
    "accuracy": lambda epoch: epoch.validation_accuracy,
    "loss": lambda epoch: -epoch.validation_loss,
}
"""What is highest, on the validation part, in the best epoch. Of few texts, accuracy says little: of 500, whether one
more is right by luck chooses among epochs whose losses differ plainly."""


def best(epochs: Sequence[Epoch], by: str) -> Epoch:
    """Return the epoch that is best by a key of `CHOICES`, the earliest of equals."""
    return max(epochs, key=lambda epoch: (CHOICES[by](epoch), -epoch.number))


def epochs_to_json(epochs: Sequence[Epoch]) -> str:
    """Return epochs as a checkpoint keeps them."""
    return json.dumps([asdict(epoch) for epoch in epochs])


def read_epochs(run: Path) -> list[Epoch]:
    """Return the finished epochs of a run from its checkpoint."""
    with np.load(run / CHECKPOINT) as stored:
        return [Epoch(**item) for item in json.loads(str(stored["epochs"]))]
