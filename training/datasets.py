"""The data: the Naver sentiment movie corpus, the chatbot questions, or a table of your own.

Sources: NSMC (Lucy Park, CC0), https://github.com/e9t/nsmc; Chatbot_data_for_Korean v1.0 (Youngsook Song, 2018,
MIT), https://github.com/songys/Chatbot_data.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_store.text import normalize_all
from training.config import TrainingConfig
from training.errors import ConfigError, DataError
from training.parting import drawn, in_fold
from training.tables import Row, read_table, read_text


@dataclass(frozen=True, slots=True)
class Dataset:
    """Texts with their classes.

    Attributes:
        texts: n texts.
        targets: (n, labels) float32, each row a distribution over the classes; one-hot where a person labelled.
        labels: the names of the classes, in the order of the columns.
    """

    texts: Sequence[str]
    targets: NDArray[np.float32]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def classes(self) -> NDArray[np.int64]:
        """The most probable class of each text, (n,)."""
        classes: NDArray[np.int64] = np.argmax(self.targets, axis=1)
        return classes

    def take(self, indices: NDArray[np.int64]) -> "Dataset":
        """Return the rows at `indices`, in that order."""
        return Dataset([self.texts[index] for index in indices], self.targets[indices], self.labels)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A dataset in its three parts, and where it is from.

    Attributes:
        train: what models and encoders learn from.
        validation: what epochs, settings and models are chosen on.
        test: for the final figure only.
        source: the files with their SHA-256, for the manifest.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    source: dict[str, str]


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A public data file: where it lies below the data directory, where it is from, and its SHA-256 (unpacked)."""

    path: str
    url: str
    sha256: str


NSMC_TRAIN = PublicFile(
    "nsmc/ratings_train.txt",
    "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_train.txt",
    "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
)
NSMC_TEST = PublicFile(
    "nsmc/ratings_test.txt",
    "https://raw.githubusercontent.com/e9t/nsmc/master/ratings_test.txt",
    "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
)
CHATBOT = PublicFile(
    "chatbot/ChatbotData.csv",
    "https://raw.githubusercontent.com/songys/Chatbot_data/master/ChatbotData.csv",
    "287eb129695b577321c80ad397bb3c2279164d4ca577874d129fd3db5b30afe2",
)
PUBLIC_FILES = (NSMC_TRAIN, NSMC_TEST, CHATBOT)
UNLABELLED = "nsmc/reviews_unlabelled.txt"

ORIGIN_MARK = "# {"
"""How the first line of a file of soft labels begins if it says where they are from."""

TEST_SHARE = 0.1
"""The part kept for the final figure where the data has no official test part."""


def data_directory(config: TrainingConfig) -> Path:
    """Return where the data lies: `NUNCHI_DATA_DIR` if set, else the setting."""
    return Path(os.environ.get("NUNCHI_DATA_DIR") or config.data_dir)


def load_corpus(config: TrainingConfig) -> Corpus:
    """Read the dataset that `config` names and part it.

    Duplicates of a text stay on one side of the split between training and validation.

    Raises:
        DataError: if a file is missing, altered or malformed.
    """
    directory = data_directory(config)
    if config.dataset in DATASETS:
        corpus = DATASETS[config.dataset](directory, config)
    else:
        corpus = _own_table(Path(config.dataset), config)
    for part in ("train", "validation", "test"):
        if not len(getattr(corpus, part)):
            raise DataError(Path(config.dataset), f"too few rows: none is left for the {part} part")
    return corpus


def load_unlabelled(config: TrainingConfig) -> list[str]:
    """Read the further reviews, one a line, that nobody has labelled."""
    return read_text(existing(data_directory(config) / UNLABELLED)).splitlines()


def read_soft_labels(path: Path, labels: tuple[str, ...]) -> Dataset:
    """Read texts with a probability for each class; a first line that says where they are from is passed over.

    Raises:
        DataError: if a row does not hold a text and one number for each label.
    """
    texts, targets = [], []
    for line, row in enumerate(read_text(path).splitlines(), start=1):
        if line == 1 and row.startswith(ORIGIN_MARK):
            continue
        text, *cells = row.split("\t")
        try:
            target = [float(cell) for cell in cells]
        except ValueError as error:
            raise DataError(path, f"not a number: {error}", line) from error
        if len(target) != len(labels):
            raise DataError(path, f"{len(target)} probabilities, {len(labels)} labels", line)
        texts.append(text)
        targets.append(target)
    return Dataset(texts, np.array(targets, dtype=np.float32).reshape(-1, len(labels)), labels)


def without_texts_of(dataset: Dataset, *others: Dataset) -> Dataset:
    """Return the rows whose texts, normalised, stand in none of the others."""
    taken = {text for other in others for text in normalize_all(other.texts)}
    return dataset.take(np.flatnonzero([text not in taken for text in normalize_all(dataset.texts)]))


def existing(path: Path) -> Path:
    """Return `path`, or the same with `.gz`, whichever is there.

    Raises:
        DataError: if neither is.
    """
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.is_file():
            return candidate
    raise DataError(path, "is not there; `python -m training data` fetches the public files, or set NUNCHI_DATA_DIR")


def _verified(directory: Path, file: PublicFile) -> Path:
    path = existing(directory / file.path)
    found = hashlib.sha256(read_text(path).encode()).hexdigest()
    if found != file.sha256:
        raise DataError(path, f"SHA-256 {found[:12]}…, expected {file.sha256[:12]}…; delete it and fetch it again")
    return path


def _nsmc(directory: Path, config: TrainingConfig) -> Corpus:
    if config.fold:
        raise ConfigError("nsmc has an official test part, so that none of its folds can be one")
    parts = {}
    for file in (NSMC_TRAIN, NSMC_TEST):
        rows = read_table(_verified(directory, file), "document", "label", quoted=False)
        rows = [Row(undouble(row.text), row.label) for row in rows]
        parts[file] = _dataset(rows, {"0": "negative", "1": "positive"})
    train, validation = split(_sampled(parts[NSMC_TRAIN], config), config.validation_share, config.split_seed)
    return Corpus(train, validation, parts[NSMC_TEST], {file.path: file.sha256 for file in parts})


def _chatbot(directory: Path, config: TrainingConfig) -> Corpus:
    rows = read_table(_verified(directory, CHATBOT), "Q", "label")
    dataset = _dataset(rows, {"0": "everyday", "1": "parting", "2": "love"})
    return _three_parts(dataset, config, {CHATBOT.path: CHATBOT.sha256})


def _own_table(path: Path, config: TrainingConfig) -> Corpus:
    rows = read_table(path, config.text_column, config.label_column)
    dataset = _dataset(rows, {label: label for label in sorted({row.label for row in rows})})
    return _three_parts(dataset, config, {path.name: hashlib.sha256(path.read_bytes()).hexdigest()})


DATASETS: dict[str, Callable[[Path, TrainingConfig], Corpus]] = {"nsmc": _nsmc, "chatbot": _chatbot}
"""The datasets that are known by name."""


def _three_parts(dataset: Dataset, config: TrainingConfig, source: dict[str, str]) -> Corpus:
    tested = in_fold(dataset.texts, config.fold) if config.fold else drawn(dataset.texts, TEST_SHARE, seed=0)
    rest, test = _parted(dataset, tested)
    train, validation = split(_sampled(rest, config), config.validation_share, config.split_seed)
    return Corpus(train, validation, test, source)


def split(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Part a dataset at random so that equal texts (after normalisation) stay together.

    Returns:
        The larger part and about `share` of the rows.
    """
    return _parted(dataset, drawn(dataset.texts, share, seed))


def _parted(dataset: Dataset, chosen: NDArray[np.bool_]) -> tuple[Dataset, Dataset]:
    return dataset.take(np.flatnonzero(~chosen)), dataset.take(np.flatnonzero(chosen))


def _sampled(dataset: Dataset, config: TrainingConfig) -> Dataset:
    if config.rows is None or config.rows >= len(dataset):
        return dataset
    return dataset.take(np.random.default_rng(config.split_seed).permutation(len(dataset))[: config.rows])


def _dataset(rows: Sequence[Row], names: dict[str, str]) -> Dataset:
    """Return rows as a dataset; `names` gives the class names of the labels, in order."""
    column = {label: index for index, label in enumerate(names)}
    classes = [column[row.label] for row in rows]
    targets = np.eye(len(names), dtype=np.float32)[classes]
    return Dataset([row.text for row in rows], targets, tuple(names.values()))


def undouble(text: str) -> str:
    """Take back the quoting of NSMC: its makers quoted texts that hold a quotation mark, twice."""
    for _ in range(2):
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = text[1:-1].replace('""', '"')
    return text
