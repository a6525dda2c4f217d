"""Labelling further reviews softly by teachers, so that another model can learn what they know.

Distillation: Hinton, Vinyals and Dean 2015, arXiv:1503.02531.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.datasets import Dataset
from training.errors import ConfigError
from training.linear import LINEAR
from training.provenance import TRACKS, read_run_origin
from training.soft_labels import Origin, split_of, write_soft_labels
from training.teachers import Judged, linear_teachers, load_material, run_teacher

_LEAST = 1e-6
"""A probability is never nearer to 0 than this when its logarithm is taken."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """How further reviews are labelled.

    Attributes:
        teachers: keys of `training.linear.LINEAR`, and directories of finished runs.
        stars: whether half of the target of a review rated 1 to 4 or 9 to 10 is the class that its rating tells.
        learn_stars: whether linear teachers learn from such reviews as well.
        folds: the models of each linear kind, each judging what it has not seen; 1: one that has seen all.
        include_training: whether the training part is labelled as well, by models that have not seen it. Trained on
            beside the rows that a person labelled, half of what these rows teach is the teachers'.
        texts: label only so many of the further reviews, drawn at random.
        spliced: label so many texts made of the training part (`training.splicing`) instead of further reviews; linear
            teachers then count what suits few texts.

    Raises:
        ConfigError: if a teacher is named twice, or the training part would be judged by models that have seen it.
    """

    teachers: Sequence[str] = ("linear",)
    stars: bool = False
    learn_stars: bool = False
    folds: int = 1
    include_training: bool = False
    texts: int | None = None
    spliced: int | None = None

    def __post_init__(self) -> None:
        if len(set(self.teachers)) < len(self.teachers):
            raise ConfigError("a teacher is named twice")
        for name in ("texts", "spliced"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigError(f"{name} must be 1 or more, found {number}")
        if self.spliced and (self.texts or self.stars or self.learn_stars):
            raise ConfigError("texts made of others have no stars, and there are as many as asked for")
        if self.folds < 1:
            raise ConfigError(f"folds must be 1 or more, found {self.folds}")
        if self.include_training and (self.folds < 2 or self.runs):
            raise ConfigError("only linear teachers in 2 or more folds can label the training part")

    @property
    def kinds(self) -> list[str]:
        """Return the linear teachers."""
        return [name for name in self.teachers if name in LINEAR]

    @property
    def runs(self) -> list[Path]:
        """Return the directories of those that are runs."""
        return [Path(name) for name in self.teachers if name not in LINEAR]


def label_further(config: TrainingConfig, how: Labelling, out: Path) -> Origin:
    """Label the further reviews by the teachers and write them with their origin.

    Returns:
        The origin, with the accuracy of the teachers on the validation part.

    Raises:
        TrainingError: if a teacher may not teach here, or the data cannot be used.
    """
    material = load_material(config, with_stars=how.stars or how.learn_stars, made=how.spliced)
    if how.texts is not None:
        drawn = np.random.default_rng(config.seed).permutation(len(material.further))[: how.texts]
        material = replace(material, further=material.further.take(np.sort(drawn)))
    judged = {str(run): run_teacher(run, material, config) for run in how.runs}
    if how.kinds:
        judged |= linear_teachers(how.kinds, material, folds=how.folds, learn_stars=how.learn_stars)
    together, rule = combine(list(judged.values()), material.corpus.validation)
    accuracies = {
        name: accuracy(each.validation, material.corpus.validation)
        for name, each in {**judged, "together": together}.items()
    }
    details = {"rule": rule} | {name: getattr(how, name) for name in ("stars", "learn_stars", "folds", "spliced")}
    origin = Origin(_track(how), split_of(config), accuracies, details)
    further = mix_stars(together.further, material.further.targets) if how.stars else together.further
    texts = material.further.texts
    if how.include_training:
        texts, further = [*material.corpus.train.texts, *texts], np.concatenate([together.training, further])
    write_soft_labels(out, origin, texts, further)
    return origin


def mix_stars(teacher: NDArray[np.float64], rated: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return half the teacher's probabilities and half the class that the rating tells, where it tells one.

    Args:
        teacher: (n, labels).
        rated: (n, labels), 1 for the class that the rating tells; 0 everywhere if it tells none.
    """
    told = rated.any(axis=1, keepdims=True)
    return np.where(told, (teacher + rated) / 2, teacher)


def accuracy(probabilities: NDArray[np.float64], dataset: Dataset) -> float:
    """Return the share of texts whose most probable class is theirs, to four places."""
    return round(float((probabilities.argmax(axis=1) == dataset.classes).mean()), 4)


def mean_log_odds(each: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of probabilities (n, labels), taken of their logarithms and scaled to sum to 1."""
    logarithms = np.mean([np.log(np.maximum(probabilities, _LEAST)) for probabilities in each], axis=0)
    weights = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def mean_probability(each: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of probabilities (n, labels)."""
    return np.asarray(np.mean(each, axis=0))


RULES: Mapping[str, Callable[[Sequence[NDArray[np.float64]]], NDArray[np.float64]]] = {
    "mean of log-odds": mean_log_odds,
    "mean of probabilities": mean_probability,
}
"""How the judgements of several teachers become one."""


def combine(judged: Sequence[Judged], validation: Dataset) -> tuple[Judged, str]:
    """Make one judgement of several, by the rule of `RULES` with the smaller log loss on the validation part.

    Returns:
        The judgement and the rule's name.
    """

    def log_loss(rule: str) -> float:
        probabilities = RULES[rule]([each.validation for each in judged])
        told = probabilities[np.arange(len(validation)), validation.classes]
        return -float(np.log(np.maximum(told, _LEAST)).mean())

    rule = min(RULES, key=log_loss)
    mean = RULES[rule]
    parts = [mean([getattr(each, part) for each in judged]) for part in ("validation", "further", "training")]
    return Judged(*parts), rule


def _track(how: Labelling) -> str:
    """Return the track of what all teachers and targets are from."""
    own = "B with stars" if how.stars or how.learn_stars else "A" if how.spliced else "B"
    tracks: list[str] = [own, *(read_run_origin(run)["track"] for run in how.runs)]
    return max(tracks, key=TRACKS.index)
