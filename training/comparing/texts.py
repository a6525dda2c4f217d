"""The labelled texts that models are compared on: a part of the data that none of them learnt from, or a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model_store.text import normalize
from training.comparing.contestants import Contestant
from training.config import TrainingConfig
from training.datasets import Corpus, Dataset, load_corpus
from training.errors import ConfigError, DataError
from training.tables import read_table

LEAST_TEXTS = 20
"""With fewer, whatever comes out says nothing."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What models are compared on.

    Attributes:
        dataset: texts with classes; labels in the order of the first model.
        source: what they are, for a heading.
        notes: what a reader must know of them, a sentence each.
    """

    dataset: Dataset
    source: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A table of texts and labels.

    Attributes:
        path: a `.tsv`, `.csv` or `.txt` file, gzipped or not.
        text_column: the column of the texts.
        label_column: the column of the labels.
        names: of labels in the file, the label that the models have for it, where it is another.
    """

    path: Path
    text_column: str
    label_column: str
    names: Mapping[str, str] = field(default_factory=dict)


def part_for_all(contestants: Sequence[Contestant], part: str) -> Texts:
    """Return the texts that stand in this part of the data of every model.

    The split seed and the number of rows of a run decide which training rows become its validation part, so what one
    model was chosen on, another may have learnt by heart: only what no model learnt from is left.

    Args:
        contestants: the models, trained on the same dataset.
        part: `validation` or `test`.

    Raises:
        ConfigError: if a manifest does not say what its model was trained on.
        DataError: if they were trained on different data, or fewer than `LEAST_TEXTS` are left.
    """
    configs = []
    for each in contestants:
        if each.config is None:
            raise ConfigError(f"{each.name} does not say what it was trained on; name labelled texts with --file")
        configs.append(each.config)
    datasets = sorted({config.dataset for config in configs})
    if len(datasets) > 1:
        raise DataError(Path(datasets[0]), f"not all models were trained on it, some on {datasets[1]}; name a --file")
    parts: list[Dataset] = [getattr(corpus, part) for corpus in load_once(configs)]
    chosen, notes = parts[0], []
    for other in parts[1:]:
        there = {normalize(text) for text in other.texts}
        chosen = chosen.take(np.flatnonzero([normalize(text) in there for text in chosen.texts]))
    if len(chosen) < max(map(len, parts)):
        sizes = " to ".join(f"{size:,}" for size in sorted({min(map(len, parts)), max(map(len, parts))}))
        notes.append(
            f"The models were trained on different rows; only the {len(chosen):,} texts are used that stand in the "
            f"{part} part ({sizes} texts) of every one of them."
        )
    _check_number(Path(datasets[0]), chosen, f"stand in the {part} part of every model")
    return Texts(_in_order(chosen, contestants[0].labels), f"{datasets[0]}, {part} part", tuple(notes))


def own_texts(contestants: Sequence[Contestant], file: OwnFile) -> Texts:
    """Read texts of one's own.

    Raises:
        DataError: if the file cannot be read, holds a label that the models do not know, or too few rows.
    """
    rows = read_table(file.path, file.text_column, file.label_column)
    labels = contestants[0].labels
    named = [file.names.get(row.label, row.label) for row in rows]
    unknown = sorted(set(named) - set(labels))
    if unknown:
        hint = f"--label-names {unknown[0]}={labels[0]},… says what it means"
        raise DataError(file.path, f"the label {unknown[0]!r} is none of the models' ({', '.join(labels)}); {hint}")
    targets = np.eye(len(labels), dtype=np.float32)[[labels.index(label) for label in named]]
    dataset = Dataset([row.text for row in rows], targets, labels)
    _check_number(file.path, dataset, "are there")
    return Texts(dataset, file.path.name, _learnt_from(contestants, dataset))


def _learnt_from(contestants: Sequence[Contestant], dataset: Dataset) -> tuple[str, ...]:
    """Say which models were trained on some of these texts."""
    notes = []
    texts = [normalize(text) for text in dataset.texts]
    for contestant in contestants:
        learnt = _training_texts(contestant.config)
        known = sum(text in learnt for text in texts)
        if not learnt:
            notes.append(f"Whether {contestant.name} was trained on some of these texts could not be checked.")
        elif known:
            notes.append(f"**{contestant.name} was trained on {known:,} of these {len(texts):,} texts.**")
    return tuple(notes)


def _training_texts(config: TrainingConfig | None) -> set[str]:
    """Return the normalised texts that a model learnt from; none if they are not known or not there."""
    if config is None:
        return set()
    try:
        return {normalize(text) for text in load_corpus(config).train.texts}
    except DataError:
        return set()


def load_once(configs: Sequence[TrainingConfig]) -> list[Corpus]:
    """Load the data of each of these settings, in order, and only once where they say the same of it."""
    loaded: dict[tuple[object, ...], Corpus] = {}
    for config in configs:
        key = _data_key(config)
        if key not in loaded:
            loaded[key] = load_corpus(config)
    return [loaded[_data_key(config)] for config in configs]


def _data_key(config: TrainingConfig) -> tuple[object, ...]:
    names = ("dataset", "text_column", "label_column", "data_dir", "rows", "validation_share", "split_seed", "fold")
    return tuple(getattr(config, name) for name in names)


def _in_order(dataset: Dataset, labels: tuple[str, ...]) -> Dataset:
    columns = [dataset.labels.index(label) for label in labels]
    return Dataset(dataset.texts, dataset.targets[:, columns], labels)


def _check_number(path: Path, dataset: Dataset, what: str) -> None:
    if len(dataset) < LEAST_TEXTS:
        raise DataError(path, f"too few texts: {len(dataset)} {what}, at least {LEAST_TEXTS} are needed")
