from pathlib import Path

import numpy as np

from training.baseline import baseline_probabilities, train_baseline, write_soft_labels
from training.config import TrainingConfig
from training.datasets import load_corpus, read_soft_labels


def test_the_baseline_learns_and_its_labels_read_back(table: Path, tmp_path: Path) -> None:
    corpus = load_corpus(TrainingConfig(dataset=str(table)))
    model = train_baseline(corpus.train)

    probabilities = baseline_probabilities(model, corpus.test.texts)
    write_soft_labels(tmp_path / "soft.tsv", [*corpus.test.texts, "  "], np.vstack([probabilities, [[0.5, 0.5]]]))
    labelled = read_soft_labels(tmp_path / "soft.tsv", corpus.train.labels)

    assert (probabilities.argmax(axis=1) == corpus.test.classes).mean() > 0.9
    assert len(labelled) == len(corpus.test)
    np.testing.assert_allclose(labelled.targets, probabilities, atol=1e-4)
