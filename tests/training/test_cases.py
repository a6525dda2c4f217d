"""The behaviour tests as they are shipped, and what the reader of such a file refuses."""

import re
from collections import Counter
from pathlib import Path

import pytest

from training.cases import CASES, CATEGORIES, TYPES, read_suite
from training.datasets import existing
from training.errors import DataError
from training.tables import read_text

HEADER = "id\tcategory\ttype\tlabel\ttext\tbase_text\tpair_id\tnote\n"
GOOD = (
    "n-1\tnegation\texpectation\tpositive\t안 보면 손해\t\tn-a\t\n"
    "n-2\tnegation\texpectation\tnegative\t보면 손해\t\tn-a\t\n"
)

SUITE = read_suite()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text) or re.findall(r"\S", text)


def _fives(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + 5]) for start in range(len(words) - 4)]


def test_there_are_enough_sentences_of_every_category_and_type() -> None:
    categories = Counter(case.category for case in SUITE.cases)
    assert len(SUITE.cases) >= 260
    assert set(categories) == set(CATEGORIES)
    assert min(categories.values()) >= 24
    assert {case.type for case in SUITE.cases} == set(TYPES)


@pytest.mark.parametrize("category", CATEGORIES)
def test_half_of_each_category_is_positive(category: str) -> None:
    labels = Counter(case.label for case in SUITE.cases if case.category == category)
    assert labels["positive"] == labels["negative"]


def test_the_comment_on_the_52_hour_week_is_negative() -> None:
    [case] = [case for case in SUITE.cases if case.text.endswith("그런데 생산직은 좋겠죠.")]
    assert case.text.startswith("사무직은 초근도 못하고, 추가 수당도 없고,")
    assert "헬입니다." in case.text
    assert (case.type, case.label) == ("expectation", "negative")


def test_the_digest_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cases.tsv"
    path.write_text(
        CASES.read_text(encoding="utf-8").replace("안 보면 손해예요.", "안 보면 후회해요."), encoding="utf-8"
    )
    assert read_suite(path).digest != SUITE.digest == read_suite().digest


def test_a_small_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.tsv"
    path.write_text(HEADER + GOOD, encoding="utf-8")
    assert [case.text for case in read_suite(path).cases] == ["안 보면 손해", "보면 손해"]


@pytest.mark.data
def test_no_sentence_is_taken_from_the_reviews(data_directory: Path) -> None:
    own = {text: _words(text) for case in SUITE.cases for text in (case.text, case.base_text) if text}
    whole = {"".join(words): text for text, words in own.items()}
    parts = {part: text for text, words in own.items() for part in _fives(words)}
    names = ("ratings_train.txt", "ratings_test.txt", "reviews_unlabelled.txt")
    reviews = (line for name in names for line in read_text(existing(data_directory / "nsmc" / name)).splitlines())

    shared = []
    for words in map(_words, reviews):
        shared += [whole[text] for text in ("".join(words), "".join(words[1:-1])) if text in whole]
        shared += [parts[part] for part in _fives(words) if part in parts]

    assert shared == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cases.tsv:1: the header must be id, category"),
        (HEADER.replace("note", "notes") + GOOD, "the header must be"),
        (HEADER, "holds no case"),
        (HEADER + "n-1\tnegation\n", "cases.tsv:2: 2 cells, 8 are needed"),
        (HEADER + GOOD.replace("negation", "negatoin"), "category 'negatoin' is none of negation"),
        (HEADER + GOOD.replace("expectation", "guess"), "type 'guess' is none of"),
        (HEADER + GOOD.replace("negative", "bad"), "cases.tsv:3: label 'bad' is none of"),
        (HEADER + GOOD.replace("n-2", "n-1"), "cases.tsv:3: 'n-1' is in line 2 already"),
        (HEADER + GOOD.replace("안 보면", "보면"), "'보면 손해' is in line 2 already"),
        (HEADER + GOOD.replace("n-1", " "), "id and text are needed"),
        (HEADER + GOOD.replace("안 보면 손해\t", "안 보면 손해\t보면"), "an expectation has no base_text"),
        (HEADER + "n-1\tnames\tinvariance\tpositive\t좋다\t\t\t\n", "an invariance needs a base_text"),
        (HEADER + "n-1\tnames\tinvariance\tpositive\t좋다\t좋다\t\t\n", "text and base_text are the same"),
        (
            HEADER + "n-1\tnames\tinvariance\tneutral\t좋다\t좋네\t\t\n",
            "without a pair can be neutral",
        ),
        (HEADER + "n-1\tnames\tdirection\tpositive\t좋다\t좋네\ta\t\n", "only expectations make pairs"),
        (HEADER + GOOD.splitlines()[0] + "\n", "pair 'n-a' must be a positive and a negative case"),
        (HEADER + GOOD.replace("negative", "positive"), "found positive negation and positive negation"),
        (HEADER + GOOD.replace("n-2\tnegation", "n-2\tcontrast"), "cases.tsv:3: pair 'n-a' must be"),
    ],
)
def test_a_case_that_cannot_be_used_is_named_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_suite(path)
    assert message in str(error.value)
