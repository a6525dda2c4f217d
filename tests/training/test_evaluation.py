import numpy as np
import pytest

from training.evaluation import calibration_bins, equal_bins, evaluate
from training.rows import Rows


def _rows(classes: list[int], labels: int = 2, lengths: list[int] | None = None) -> Rows:
    count = len(classes)
    return Rows(
        ids=[[2]] * count,
        targets=np.eye(labels, dtype=np.float32)[classes],
        unknown=np.zeros(count),
        lengths=np.array(lengths or [1] * count),
    )


def test_figures_of_a_small_case_are_those_worked_out_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], dtype=np.float32)

    found = evaluate(probabilities, _rows([0, 0, 1, 1]))

    assert found.metrics["accuracy"] == 0.75
    assert found.metrics["f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found.metrics["roc_auc"] == 1.0
    assert found.metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.7, 0.8]).mean(), abs=1e-6)
    assert found.metrics["brier"] == pytest.approx(2 * (0.01 + 0.36 + 0.09 + 0.04) / 4, abs=1e-6)
    assert found.confusion == [[1, 1], [0, 2]]


def test_calibration_is_perfect_when_confidence_is_accuracy() -> None:
    confidence = np.full(10, 0.7, dtype=np.float32)
    right = np.array([True] * 7 + [False] * 3)

    (only,) = calibration_bins(confidence, right)

    assert (only.rows, only.accuracy) == (10, 0.7)
    assert only.confidence == pytest.approx(0.7)


def test_the_calibration_error_weighs_bins_by_their_rows() -> None:
    probabilities = np.array([[0.0, 1.0]] * 3 + [[0.4, 0.6]], dtype=np.float32)

    found = evaluate(probabilities, _rows([1, 1, 0, 1]))

    assert found.metrics["ece"] == pytest.approx((3 * (1 - 2 / 3) + 0.4) / 4, abs=1e-6)


def test_slices_leave_no_row_out() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(0, 100, 500).tolist()

    found = evaluate(random.dirichlet([1, 1], 500).astype(np.float32), _rows([0, 1] * 250, lengths=lengths))

    assert sum(each.rows for each in found.by_length) == 500
    accuracy = sum(each.rows * each.accuracy for each in found.by_length) / 500
    assert accuracy == pytest.approx(found.metrics["accuracy"])


def test_a_class_that_does_not_occur_has_no_part_in_the_area_under_the_curve() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], dtype=np.float32)

    assert evaluate(probabilities, _rows([0, 1], labels=3)).metrics["roc_auc"] == 1.0
    assert "roc_auc" not in evaluate(probabilities[:, :2], _rows([0, 0])).metrics


def test_three_classes_are_evaluated_as_well() -> None:
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]] * 0.9 + 0.1 / 3

    found = evaluate(probabilities, _rows([0, 1, 2, 0], labels=3))

    assert found.metrics["accuracy"] == 0.75
    assert np.array(found.confusion).shape == (3, 3)


def test_bins_of_equal_mass_leave_no_row_out_and_differ_by_one_at_most() -> None:
    random = np.random.default_rng(0)

    found = equal_bins(random.random(1_000).astype(np.float32) ** 4, random.random(1_000) < 0.5)

    assert len(found) == 15
    assert sum(each.rows for each in found) == 1_000
    assert {each.rows for each in found} <= {66, 67}
    assert [each.confidence for each in found] == sorted(each.confidence for each in found)


def test_the_error_over_bins_of_equal_mass_sees_what_a_crowded_bin_hides() -> None:
    confidence = np.linspace(0.94, 0.999, 1_500, dtype=np.float32)  # all of it in the last bin of equal width
    probabilities = np.stack([1 - confidence, confidence], axis=1)
    classes = [0] * 50 + [1] * 1_450

    found = evaluate(probabilities, _rows(classes)).metrics

    assert found["ece"] < 0.01 < found["ece_equal_mass"]
