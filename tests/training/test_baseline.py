from pathlib import Path

from training.baseline import baseline_probabilities, train_baseline
from training.config import TrainingConfig
from training.datasets import load_corpus


def test_the_baseline_learns(table: Path) -> None:
    corpus = load_corpus(TrainingConfig(dataset=str(table)))

    probabilities = baseline_probabilities(train_baseline(corpus.train), corpus.test.texts)

    assert (probabilities.argmax(axis=1) == corpus.test.classes).mean() > 0.9
