"""The linear baseline: logistic regression on character n-grams. Every recurrent figure is shown beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from model_store.text import normalize
from training.datasets import Dataset


def train_baseline(train: Dataset, *, longest: int = 5, strength: float = 4.0) -> Pipeline:
    """Fit logistic regression to TF-IDF weights of character 1- to `longest`-grams, blanks left out.

    Args:
        train: texts and classes.
        longest: length of the longest n-grams.
        strength: inverse of the regularisation, C.
    """
    features = TfidfVectorizer(
        analyzer="char", ngram_range=(1, longest), min_df=3, sublinear_tf=True, dtype=np.float32, lowercase=False
    )
    classifier = LogisticRegression(C=strength, max_iter=200)
    return Pipeline([("features", features), ("classifier", classifier)]).fit(
        _without_blanks(train.texts), train.classes
    )


def baseline_probabilities(model: Pipeline, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the probabilities float32 (n, labels) of texts."""
    probabilities: NDArray[np.float32] = model.predict_proba(_without_blanks(texts)).astype(np.float32)
    return probabilities


def _without_blanks(texts: Sequence[str]) -> list[str]:
    return [normalize(text).replace(" ", "") for text in texts]
