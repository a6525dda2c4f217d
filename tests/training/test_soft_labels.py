from pathlib import Path

import numpy as np
import pytest

from training.config import TrainingConfig
from training.datasets import read_soft_labels
from training.errors import DataError
from training.soft_labels import Origin, read_origin, split_of, write_soft_labels

LABELS = ("negative", "positive")


def _write(path: Path, **split: object) -> Origin:
    origin = Origin("B", {**split_of(TrainingConfig()), **split}, {"linear": 0.9}, {"rule": "one"})
    write_soft_labels(path, origin, ["좋다 ", "  ", "별로"], np.array([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]]))
    return origin


def test_soft_labels_read_back_without_empty_texts(tmp_path: Path) -> None:
    _write(tmp_path / "runs" / "soft.tsv")

    labelled = read_soft_labels(tmp_path / "runs" / "soft.tsv", LABELS)

    assert labelled.texts == ["좋다", "별로"]
    np.testing.assert_allclose(labelled.targets, [[0.1, 0.9], [0.8, 0.2]])
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["soft.tsv"]


def test_a_text_that_looks_like_an_origin_is_a_text_below_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "soft.tsv").write_text("좋다\t0.1\t0.9\n# {별로}\t0.8\t0.2\n", encoding="utf-8")

    assert read_soft_labels(tmp_path / "soft.tsv", LABELS).texts == ["좋다", "# {별로}"]


def test_the_origin_of_soft_labels_reads_back(tmp_path: Path) -> None:
    origin = _write(tmp_path / "soft.tsv")

    assert read_origin(tmp_path / "soft.tsv", TrainingConfig()) == origin


def test_soft_labels_may_keep_their_origin_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "soft.tsv").write_text("좋다\t0.1\t0.9\n", encoding="utf-8")

    assert read_origin(tmp_path / "soft.tsv", TrainingConfig()) is None


@pytest.mark.parametrize("split", [{"split_seed": 8}, {"validation_share": 0.2}, {"dataset": "chatbot"}, {"rows": 99}])
def test_labels_of_teachers_that_may_have_seen_the_validation_part_are_refused(
    tmp_path: Path, split: dict[str, object]
) -> None:
    _write(tmp_path / "soft.tsv", **split)

    with pytest.raises(DataError, match=f"may have seen validation texts: their {next(iter(split))} is"):
        read_origin(tmp_path / "soft.tsv", TrainingConfig())


@pytest.mark.parametrize("line", ["# {", '# {"track": "B"}', '# {"track": "B", "split": {}, "colour": 1}'])
def test_a_malformed_origin_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "soft.tsv").write_text(line + "\n", encoding="utf-8")

    with pytest.raises(DataError, match=r"soft\.tsv:1: does not say well"):
        read_origin(tmp_path / "soft.tsv", TrainingConfig())
