"""The linear baseline: logistic regression on character n-grams. Every recurrent figure is shown beside it.

It is also the teacher that labels further reviews softly: a model trained on those learns what it knows (distillation,
Hinton, Vinyals and Dean 2015, arXiv:1503.02531).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from model_store.text import normalize
from training.config import TrainingConfig
from training.datasets import Dataset, load_corpus, load_unlabelled


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


def label_unlabelled(config: TrainingConfig, out: Path) -> None:
    """Train the baseline on the training part and write its probabilities for the unlabelled reviews."""
    texts = load_unlabelled(config)
    model = train_baseline(load_corpus(config).train)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_soft_labels(out, texts, baseline_probabilities(model, texts))


def write_soft_labels(path: Path, texts: Sequence[str], probabilities: NDArray[np.float32]) -> None:
    """Write `text<TAB>probability<TAB>…` lines, normalised, leaving out texts of nothing but blanks."""
    with path.open("w", encoding="utf-8") as file:
        for text, row in zip(map(normalize, texts), probabilities, strict=True):
            if text:
                file.write("\t".join([text, *(f"{p:.4f}" for p in row)]) + "\n")


def _without_blanks(texts: Sequence[str]) -> list[str]:
    return [normalize(text).replace(" ", "") for text in texts]
