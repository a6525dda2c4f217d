"""Linear models on character n-grams: quick, and on these texts better than plain recurrent models. They teach.

Two kinds see the same n-grams, counted once: logistic regression on TF-IDF weights, and on presences weighted by how
much more often a class holds them (NB-SVM with the logistic loss: Wang and Manning, Baselines and Bigrams, ACL 2012).
Their errors differ enough for an ensemble to be better than either.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from model_store.text import normalize_all

Decide = Callable[[sparse.csr_array], NDArray[np.float64]]
"""From counts (n, features) to log-odds (n,) of one class, or to probabilities (n, labels)."""


class CharacterCounts:
    """Counts of the character 1- to `longest`-grams that stand in at least `rarest` of some texts.

    Args:
        texts: where the n-grams are from; their classes are not looked at.
        longest: characters of the longest n-grams.
        rarest: texts that an n-gram must stand in to count.
        words: take n-grams of words, the blanks at both ends included, instead of texts without blanks.
    """

    def __init__(self, texts: Sequence[str], *, longest: int = 5, rarest: int = 3, words: bool = False) -> None:
        self._prepare = normalize_all if words else _without_blanks
        self._vectorizer = CountVectorizer(
            analyzer="char_wb" if words else "char",
            ngram_range=(1, longest),
            min_df=rarest,
            lowercase=False,
            dtype=np.float32,
        ).fit(self._prepare(texts))

    @classmethod
    def of_few(cls, texts: Sequence[str]) -> "CharacterCounts":
        """Return what suits few texts that were written with care: short n-grams of words, the rarest ones too."""
        return cls(texts, longest=3, rarest=1, words=True)

    def count(self, texts: Sequence[str]) -> sparse.csr_array:
        """Return the counts (n, features) of texts."""
        return sparse.csr_array(self._vectorizer.transform(self._prepare(texts)))


def _logistic(counts: sparse.csr_array, positive: NDArray[np.bool_]) -> Decide:
    weights = TfidfTransformer(sublinear_tf=True).fit(counts)
    classifier = _classifier(4.0).fit(weights.transform(counts), positive)
    return lambda rows: np.asarray(classifier.decision_function(weights.transform(rows)), dtype=np.float64)


def _naive_bayes(counts: sparse.csr_array, positive: NDArray[np.bool_]) -> Decide:
    presences = _presences(counts)
    inside, outside = (_smoothed_share(presences, chosen) for chosen in (positive, ~positive))
    ratios = sparse.diags_array((np.log(inside) - np.log(outside)).astype(np.float32))
    classifier = _classifier(0.1).fit((presences @ ratios).tocsr(), positive)
    return lambda rows: np.asarray(classifier.decision_function((_presences(rows) @ ratios).tocsr()), dtype=np.float64)


LINEAR: dict[str, Callable[[sparse.csr_array, NDArray[np.bool_]], Decide]] = {
    "linear": _logistic,
    "nbsvm": _naive_bayes,
}
"""How each kind is fitted to counts and to which rows are of the class in question."""


def fit_linear(kind: str, counts: sparse.csr_array, classes: NDArray[np.int64], labels: int) -> Decide:
    """Fit a kind of `LINEAR` to counts (n, features) and classes (n,) of `labels` labels; classes weigh the same.

    Returns:
        A function from counts to probabilities (n, labels).
    """
    if labels == 2:
        decide = LINEAR[kind](counts, classes == 1)
        return lambda rows: _two_columns(expit(decide(rows)))
    each = [LINEAR[kind](counts, classes == label) for label in range(labels)]
    return lambda rows: _shares(np.stack([expit(decide(rows)) for decide in each], axis=1))


def cross_fit(
    kind: str, counts: sparse.csr_array, targets: tuple[NDArray[np.int64], int], folds: NDArray[np.int64]
) -> tuple[NDArray[np.float64], list[Decide]]:
    """Fit one model for each fold, to the rows of all other folds, so that no row is judged by a model that saw it.

    Args:
        kind: a key of `LINEAR`.
        counts: (n, features).
        targets: classes (n,), and the number of labels.
        folds: (n,) the fold of each row, from 0. With a single fold, one model sees, and judges, all rows.

    Returns:
        Probabilities (n, labels) and the models.
    """
    classes, labels = targets
    probabilities = np.empty((len(classes), labels))
    models = []
    for fold in range(folds.max() + 1):
        judged = folds == fold
        seen = ~judged if folds.max() else judged
        models.append(fit_linear(kind, counts[seen], classes[seen], labels))
        probabilities[judged] = models[-1](counts[judged])
    return probabilities, models


def _classifier(strength: float) -> LogisticRegression:
    # Coordinate descent in the dual takes a tenth of the time of the default solver here.
    return LogisticRegression(
        C=strength, solver="liblinear", dual=True, tol=0.05, max_iter=200, class_weight="balanced", random_state=0
    )


def _presences(counts: sparse.csr_array) -> sparse.csr_array:
    presences = counts.copy()
    presences.data[:] = 1
    return presences


def _smoothed_share(presences: sparse.csr_array, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    found = 1 + presences.T @ chosen.astype(np.float64)
    return np.asarray(found / found.sum())


def _two_columns(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([1 - probabilities, probabilities], axis=1)


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _without_blanks(texts: Sequence[str]) -> list[str]:
    return [text.replace(" ", "") for text in normalize_all(texts)]
