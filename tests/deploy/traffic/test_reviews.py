import gzip
import hashlib
from pathlib import Path

import pytest

from deploy.traffic import reviews
from deploy.traffic.errors import TrafficError
from deploy.traffic.reviews import Columns, Review, nsmc_test, read_reviews
from training.datasets import NSMC_TEST

NSMC = Columns("document", "label", {"0": "negative", "1": "positive"})


def table(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_texts_and_labels_are_read_as_the_models_name_them(tmp_path: Path) -> None:
    path = table(tmp_path / "a.tsv", 'id\tdocument\tlabel\n1\t"좋아요\t1\n2\t별로\u2028네요\t0\n3\t글쎄\tneutral\n')
    expected = [Review('"좋아요', "positive"), Review("별로\u2028네요", "negative"), Review("글쎄", "neutral")]
    assert read_reviews(path, NSMC) == expected


def test_a_compressed_table_of_another_system_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress("\ufefftext\tstars\r\n좋아요\t5\r\n".encode()))
    assert read_reviews(path, Columns("text", "stars", {})) == [Review("좋아요", "5")]


def test_blank_texts_which_the_service_would_refuse_are_left_out(tmp_path: Path) -> None:
    path = table(tmp_path / "a.tsv", "document\tlabel\n  \t1\n좋아요\t1\n")
    assert read_reviews(path, NSMC) == [Review("좋아요", "positive")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("text\tlabel\n좋아요\t1\n", "has no column document, only text, label"),
        ("document\tlabel\n좋아요\t1\n좋아요\n", "line 3: 1 cells, but the first line has 2"),
        ("", "is empty"),
    ],
)
def test_what_is_no_such_table_is_refused_with_the_place(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(TrafficError, match=complaint):
        read_reviews(table(tmp_path / "a.tsv", content), NSMC)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrafficError, match=r"a\.tsv cannot be read"):
        read_reviews(path, NSMC)


@pytest.mark.parametrize("name", ["ratings_test.txt", "ratings_test.txt.gz"])
def test_a_test_split_that_is_there_is_not_fetched(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "NSMC_URL", (tmp_path / "nowhere").as_uri())
    (tmp_path / "nsmc").mkdir()
    path = table(tmp_path / "nsmc" / name, "document\tlabel\n")
    monkeypatch.setenv("NUNCHI_DATA_DIR", str(tmp_path))
    assert nsmc_test() == path


def test_a_test_split_is_fetched_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = table(tmp_path / "far.txt", "document\tlabel\n좋아요\t1\n")
    monkeypatch.setattr(reviews, "NSMC_URL", far.as_uri())
    monkeypatch.setattr(reviews, "NSMC_SHA256", "0" * 64)
    with pytest.raises(TrafficError, match="has the SHA-256"):
        nsmc_test(tmp_path)
    assert not (tmp_path / "nsmc").exists()
    monkeypatch.setattr(reviews, "NSMC_SHA256", hashlib.sha256(far.read_bytes()).hexdigest())
    kept = nsmc_test(tmp_path)
    far.unlink()
    assert nsmc_test(tmp_path) == kept
    assert read_reviews(kept, NSMC) == [Review("좋아요", "positive")]


def test_a_test_split_that_cannot_be_fetched_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviews, "NSMC_URL", (tmp_path / "nowhere").as_uri())
    with pytest.raises(TrafficError, match=r"cannot be fetched.*--file"):
        nsmc_test(tmp_path)


def test_it_is_the_split_that_training_keeps_for_its_figures() -> None:
    ours = (reviews.NSMC_PATH, reviews.NSMC_URL, reviews.NSMC_SHA256)
    assert ours == (NSMC_TEST.path, NSMC_TEST.url, NSMC_TEST.sha256)
