"""What the epochs of a run gave, and which of them was best."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "epochs.json"


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


def write_epochs(directory: Path, epochs: Sequence[Epoch]) -> None:
    """Write the epochs into `directory`."""
    document = [asdict(epoch) for epoch in epochs]
    (directory / _FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")


def read_epochs(directory: Path) -> list[Epoch]:
    """Read what `write_epochs` wrote."""
    return [Epoch(**item) for item in json.loads((directory / _FILE).read_text(encoding="utf-8"))]
