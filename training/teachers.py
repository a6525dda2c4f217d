"""Teachers: the linear models of `training.linear` and finished runs, and what they say of further reviews.

None of them has seen a text of the validation or of the test part.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig, read_config
from training.datasets import Corpus, Dataset, load_corpus, load_unlabelled, without_texts_of
from training.errors import ConfigError, ResumeError
from training.further import load_stars
from training.linear import CharacterCounts, cross_fit
from training.parting import dealt
from training.runs import CONFIG, LABELS
from training.soft_labels import split_of
from training.splicing import spliced

# ruff: noqa: PLC0415  TensorFlow takes seconds to import, and linear teachers do without

NEGATIVE_STARS, POSITIVE_STARS = (1, 4), (9, 10)
"""The ratings, both ends included, that the labels of NSMC were made from."""


@dataclass(frozen=True, slots=True)
class Material:
    """What teachers learn from and label.

    Attributes:
        corpus: the labelled data.
        further: reviews of neither the validation nor the test part, or texts made of the training part; the target is
            1 for the class that the rating tells, and 0 for all classes where it tells none or is not looked at.
        few: whether there are no other texts than those of the training part.
    """

    corpus: Corpus
    further: Dataset
    few: bool = False

    @property
    def rated(self) -> NDArray[np.int64]:
        """Return which further reviews have a class by their rating."""
        return np.flatnonzero(self.further.targets.any(axis=1))


@dataclass(frozen=True, slots=True)
class Judged:
    """The probabilities float64 (n, labels) that a teacher gives.

    Attributes:
        validation: to the validation part.
        further: to the further reviews.
        training: to the training part.
    """

    validation: NDArray[np.float64]
    further: NDArray[np.float64]
    training: NDArray[np.float64]


def load_material(config: TrainingConfig, *, with_stars: bool, made: int | None = None) -> Material:
    """Read the labelled data and the further reviews, without those whose texts stand in another part.

    Args:
        config: which data, parted how.
        with_stars: whether the ratings of the reviews are looked at.
        made: make so many texts of the training part instead of reading reviews.

    Raises:
        ConfigError: if ratings are asked for with other labels than those of NSMC.
        DataError: if a file is missing or malformed.
    """
    corpus = load_corpus(config)
    texts = load_unlabelled(config) if made is None else spliced(corpus.train.texts, made, config.seed)
    targets = np.zeros((len(texts), len(corpus.train.labels)), dtype=np.float32)
    if with_stars:
        if config.dataset != "nsmc":
            raise ConfigError(f"star ratings tell nothing about the labels of {config.dataset}")
        stars = load_stars(config)
        for column, (low, high) in enumerate((NEGATIVE_STARS, POSITIVE_STARS)):
            targets[:, column] = (low <= stars) & (stars <= high)
    further = Dataset(texts, targets, corpus.train.labels)
    return Material(corpus, without_texts_of(further, corpus.validation, corpus.test), few=made is not None)


def linear_teachers(
    kinds: Sequence[str], material: Material, *, folds: int = 1, learn_stars: bool = False
) -> dict[str, Judged]:
    """Fit linear models and let them judge.

    Args:
        kinds: keys of `training.linear.LINEAR`.
        material: what they learn from and judge.
        folds: how many models of each kind; each leaves out a part of what is learnt from, and judges that part.
            The rest of the texts is judged by all, their probabilities averaged. With 1, one model learns all.
        learn_stars: whether further reviews that are rated are learnt from, too.
    """
    train, further = material.corpus.train, material.further
    also = material.rated if learn_stars else np.empty(0, dtype=np.int64)
    texts = [*train.texts, *further.take(also).texts]
    classes = np.concatenate([train.classes, further.take(also).classes])
    counts = CharacterCounts.of_few(texts) if material.few else CharacterCounts(texts)
    seen, unseen, validation = map(counts.count, (texts, further.texts, material.corpus.validation.texts))
    judged = {}
    for kind in kinds:
        own, models = cross_fit(kind, seen, (classes, len(train.labels)), dealt(texts, folds))
        elsewhere = np.mean([model(unseen) for model in models], axis=0)
        elsewhere[also] = own[len(train) :]
        on_validation = np.mean([model(validation) for model in models], axis=0)
        judged[kind] = Judged(on_validation, elsewhere, own[: len(train)])
    return judged


def run_teacher(run: Path, material: Material, config: TrainingConfig) -> Judged:
    """Let a finished run judge.

    Raises:
        ConfigError: if it has other labels, or learnt from other rows than `config` keeps for training: it might have
            seen the validation part.
        ResumeError: if it is not a finished run.
    """
    check_run(run, material.corpus.train.labels, config)
    from training.backend import keras_scorer
    from training.recipe import evaluation_length, load_run
    from training.rows import encode_rows
    from training.scoring import score_rows

    trained = load_run(run)
    score = keras_scorer(trained.model)

    def judge(dataset: Dataset) -> NDArray[np.float64]:
        rows = encode_rows(dataset, trained.encoder, evaluation_length(trained.config), keep_empty=True)
        return score_rows(score, rows).astype(np.float64)

    corpus = material.corpus
    return Judged(judge(corpus.validation), judge(material.further), judge(corpus.train))


def check_run(run: Path, labels: tuple[str, ...], config: TrainingConfig) -> None:
    """Refuse a run that may not teach.

    Raises:
        ConfigError: if it has other labels than these, or learnt from other rows than `config` keeps for training.
        ResumeError: if it is not a run.
    """
    try:
        found = tuple(json.loads((run / LABELS).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ResumeError(f"{run} is neither a linear teacher nor a finished run: {error}") from error
    if found != labels:
        raise ConfigError(f"{run} tells {', '.join(found)} apart; a teacher here tells {', '.join(labels)}")
    theirs, ours = split_of(read_config(run / CONFIG, {})), split_of(config)
    for name, value in ours.items():
        if theirs[name] != value:
            raise ConfigError(
                f"{run} may have seen validation texts: its {name} is {theirs[name]!r}, here it is {value!r}"
            )
