import numpy as np
import pytest

from model_store.encoder import WordEncoder
from training.datasets import Dataset
from training.rows import BOUNDARIES, FEW, Rows, bucketed, encode_rows


def _rows(count: int = 1_000) -> Rows:
    random = np.random.default_rng(0)
    lengths = np.minimum(random.geometric(1 / 15, count), 64)
    ids = [[2] * int(length) for length in lengths]
    return Rows(ids, np.zeros((count, 2), np.float32), np.zeros(count), lengths)


@pytest.mark.parametrize("order", [None, 3])
def test_batches_hold_every_row_once(order: int | None) -> None:
    rows = _rows()

    batches = list(bucketed(rows, 64, None if order is None else np.random.default_rng(order)))

    assert sorted(np.concatenate([indices for indices, _ in batches]).tolist()) == list(range(1_000))
    assert sum(len(indices) != 64 for indices, _ in batches) <= 1


def test_batches_hold_rows_of_like_length() -> None:
    rows = _rows()

    padded = sum(len(indices) * length for indices, length in bucketed(rows, 64, np.random.default_rng(1)))

    assert padded <= 1.4 * rows.lengths.sum() < 0.4 * 64 * len(rows)


def test_batches_are_padded_to_a_closed_set_of_lengths() -> None:
    for indices, length in bucketed(_rows(), 64, np.random.default_rng(1)):
        assert length in BOUNDARIES
        assert length >= _rows().lengths[indices].max()


def test_with_fewer_lengths_batches_hold_the_same_rows() -> None:
    many, few = (list(bucketed(_rows(), 64, np.random.default_rng(1), lengths)) for lengths in (BOUNDARIES, FEW))

    assert [indices.tolist() for indices, _ in few] == [indices.tolist() for indices, _ in many]
    assert {length for _, length in few} == {16, 32, 64} < {length for _, length in many}


def test_the_order_follows_its_seed() -> None:
    def order(seed: int) -> list[list[int]]:
        return [indices.tolist() for indices, _ in bucketed(_rows(), 64, np.random.default_rng(seed))]

    assert order(1) == order(1) != order(2)


def test_training_leaves_empty_texts_out_and_evaluation_keeps_them() -> None:
    dataset = Dataset(["영화", "  ", "없는 영화"], np.eye(3, dtype=np.float32), ("a", "b", "c"))
    encoder = WordEncoder(["영화"])

    kept = encode_rows(dataset, encoder, 10, keep_empty=True)
    left = encode_rows(dataset, encoder, 10)

    assert kept.lengths.tolist() == [1, 0, 2]
    assert kept.unknown.tolist() == [0.0, 0.0, 0.5]
    assert left.lengths.tolist() == [1, 2]
    assert left.targets.argmax(axis=1).tolist() == [0, 2]
