import json
from pathlib import Path

import numpy as np
import pytest

from model_store.encoder import WordEncoder
from model_store.errors import GoldenMismatchError
from model_store.golden import GoldenExample, check_golden, pad, read_golden, write_golden
from model_store.layout import GOLDEN
from tests.model_store.conftest import quarter


def test_a_faithful_version_passes(store: Path, word_encoder: WordEncoder) -> None:
    examples = read_golden(store / "gru" / "1" / GOLDEN)

    assert check_golden(examples, word_encoder, 256, quarter) == 0.0


def test_another_score_is_a_mismatch(word_encoder: WordEncoder) -> None:
    examples = [GoldenExample("좋다", [3], [0.2, 0.8])]

    with pytest.raises(GoldenMismatchError, match=r"differs by 0\.05"):
        check_golden(examples, word_encoder, 256, quarter)


def test_a_score_that_is_no_number_is_a_mismatch(word_encoder: WordEncoder) -> None:
    examples = [GoldenExample("좋다", [3], [0.25, 0.75])]

    with pytest.raises(GoldenMismatchError):
        check_golden(examples, word_encoder, 256, lambda ids: quarter(ids) * np.float32("nan"))


def test_other_ids_are_a_mismatch(word_encoder: WordEncoder) -> None:
    with pytest.raises(GoldenMismatchError, match="other ids"):
        check_golden([GoldenExample("좋다", [2], [0.25, 0.75])], word_encoder, 256, quarter)


def test_another_number_of_labels_is_a_mismatch(word_encoder: WordEncoder) -> None:
    with pytest.raises(GoldenMismatchError, match="shape"):
        check_golden([GoldenExample("좋다", [3], [0.2, 0.3, 0.5])], word_encoder, 256, quarter)


CROOKED: list[dict[str, object]] = [
    {"text": 5},
    {"ids": "35"},
    {"probabilities": 0.5},
    {"probabilities": ["0.5", "0.5"]},
    {"probabilities": [float("nan"), 0.5]},
    {"probabilities": [0.5]},
    {"labels": []},
]


@pytest.mark.parametrize("crooked", CROOKED, ids=str)
def test_an_example_of_another_form_is_a_mismatch(tmp_path: Path, crooked: dict[str, object]) -> None:
    example = {"text": "좋다", "ids": [3], "probabilities": [0.5, 0.5]}
    (tmp_path / "golden.json").write_text(json.dumps([example, {**example, **crooked}]))
    with pytest.raises(GoldenMismatchError):
        read_golden(tmp_path / "golden.json")


@pytest.mark.parametrize("content", ["", "[]", "{}", '[{"text": "a"}]', "[1]", "[" * 100_000])
def test_a_file_without_examples_is_a_mismatch(tmp_path: Path, content: str) -> None:
    (tmp_path / "golden.json").write_text(content)

    with pytest.raises(GoldenMismatchError):
        read_golden(tmp_path / "golden.json")


def test_golden_examples_read_back_as_written(tmp_path: Path) -> None:
    examples = [GoldenExample("좋다 👍", [3, 1], [0.5, 0.5])]
    write_golden(tmp_path / "golden.json", examples)

    assert read_golden(tmp_path / "golden.json") == examples


def test_rows_are_padded_on_the_right_to_the_longest() -> None:
    assert pad([[2, 3], [4], []]).tolist() == [[2, 3], [4, 0], [0, 0]]
    assert pad([[]]).shape == (1, 1)
