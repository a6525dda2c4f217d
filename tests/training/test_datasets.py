from pathlib import Path

import numpy as np
import pytest

from model_store.text import normalize
from training.config import TrainingConfig
from training.datasets import Dataset, load_corpus, load_unlabelled, read_soft_labels, split
from training.errors import DataError


def _dataset(texts: list[str]) -> Dataset:
    return Dataset(texts, np.eye(2, dtype=np.float32)[np.arange(len(texts)) % 2], ("a", "b"))


def test_equal_texts_stay_on_one_side_of_the_split() -> None:
    texts = [f"영화 {number % 50}" + " " * (number % 3) for number in range(500)]

    larger, smaller = split(_dataset(texts), 0.3, seed=1)

    assert len(larger) + len(smaller) == 500
    assert smaller.texts
    assert not {normalize(text) for text in larger.texts} & {normalize(text) for text in smaller.texts}


def test_the_same_seed_gives_the_same_split_and_another_one_another() -> None:
    dataset = _dataset([str(number) for number in range(300)])

    assert split(dataset, 0.2, seed=1)[1].texts == split(dataset, 0.2, seed=1)[1].texts
    assert split(dataset, 0.2, seed=1)[1].texts != split(dataset, 0.2, seed=2)[1].texts


def test_a_table_of_ones_own_becomes_three_parts(table: Path) -> None:
    corpus = load_corpus(TrainingConfig(dataset=str(table)))

    assert corpus.train.labels == ("bad", "good")
    assert len(corpus.train) + len(corpus.validation) + len(corpus.test) == 100
    assert min(len(corpus.train), len(corpus.validation), len(corpus.test)) > 0


def test_too_few_rows_for_three_parts_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("text,label\na,1\nb,0\n")

    with pytest.raises(DataError, match="too few rows"):
        load_corpus(TrainingConfig(dataset=str(path)))


def test_soft_labels_are_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "soft.tsv"
    path.write_text("좋다\t0.1\t0.9\n별로\t0.8\t0.2\n", encoding="utf-8")

    dataset = read_soft_labels(path, ("negative", "positive"))

    assert dataset.texts == ["좋다", "별로"]
    assert dataset.classes.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("row", "reason"), [("a\t0.5", ":2: 1 probabilities, 2 labels"), ("a\tx\ty", ":2: not a number")]
)
def test_a_malformed_soft_label_is_named_by_line(tmp_path: Path, row: str, reason: str) -> None:
    path = tmp_path / "soft.tsv"
    path.write_text(f"좋다\t0.1\t0.9\n{row}\n", encoding="utf-8")

    with pytest.raises(DataError, match=reason):
        read_soft_labels(path, ("negative", "positive"))


def test_a_missing_file_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUNCHI_DATA_DIR", raising=False)

    with pytest.raises(DataError, match="python -m training data"):
        load_corpus(TrainingConfig(data_dir=str(tmp_path)))


def test_an_altered_public_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUNCHI_DATA_DIR", raising=False)
    (tmp_path / "nsmc").mkdir()
    (tmp_path / "nsmc" / "ratings_train.txt").write_text("id\tdocument\tlabel\n1\t좋다\t1\n")

    with pytest.raises(DataError, match="SHA-256"):
        load_corpus(TrainingConfig(data_dir=str(tmp_path)))


@pytest.mark.data
@pytest.mark.usefixtures("data_directory")
def test_the_official_split_of_nsmc_is_read_whole() -> None:
    corpus = load_corpus(TrainingConfig())

    assert len(corpus.train) + len(corpus.validation) == 150_000
    assert len(corpus.test) == 50_000
    assert np.bincount(corpus.test.classes).tolist() == [24_827, 25_173]
    quoted = [text for part in (corpus.train, corpus.validation) for text in part.texts if text.startswith('""')]
    assert len(quoted) == 1  # a review of nothing but quotation marks


@pytest.mark.data
@pytest.mark.usefixtures("data_directory")
def test_the_chatbot_questions_have_three_classes() -> None:
    corpus = load_corpus(TrainingConfig(dataset="chatbot"))

    parts = (corpus.train, corpus.validation, corpus.test)
    assert corpus.train.labels == ("everyday", "parting", "love")
    counts = np.sum([np.bincount(part.classes) for part in parts], axis=0)
    assert counts.tolist() == [5_290, 3_570, 2_963]


@pytest.mark.data
@pytest.mark.usefixtures("data_directory")
def test_the_unlabelled_reviews_are_read_whole() -> None:
    assert len(load_unlabelled(TrainingConfig())) in (482_359, 502_874)  # those of our figures, and all there are
