"""Makes the tour: asks the service, draws the pictures, fills the figures into `page.md`, which holds the words."""

from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np

from training.config import TrainingConfig
from training.datasets import load_corpus
from training.tour import chapters
from training.tour.service import started

_WORDS = Path(__file__).parent / "page.md"
_LONG = 90
"""Characters; hardly any shorter review has as many tokens as memory is looked at."""


class Counts(NamedTuple):
    """How many texts of the test part are looked at: for gates, for memory, and in all."""

    gates: int = 2_000
    memory: int = 300
    most: int = 1_000_000


def make_tour(config: TrainingConfig, out: Path, counts: Counts | None = None) -> None:
    """Write the page `out` and, in the folder beside it that has its name, its pictures.

    Args:
        config: where the data is.
        out: such as `docs/tour.md`.
        counts: how many texts are looked at.

    Raises:
        DataError: if the data is not there.
        ServiceError: if the service does not start.
    """
    counts = counts or Counts()
    test = load_corpus(config).test
    test = test.take(np.arange(min(len(test), counts.most)))
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    with started() as service:
        figures = {
            **chapters.sentences(service, folder),
            **chapters.gates(service, test.texts[: counts.gates]),
            **chapters.memory(service, [text for text in test.texts if len(text) >= _LONG], counts.memory, folder),
            **chapters.models(service),
            **chapters.disagreements(service, test),
        }
    words = Template(_WORDS.read_text(encoding="utf-8"))
    out.write_text(words.substitute(figures, folder=folder.name), encoding="utf-8")
