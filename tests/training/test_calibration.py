from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_store.manifest import Calibration
from tests.training.models import VOCABULARY, ragged_ids, random_weights, small
from training.calibration import (
    ENOUGH_ROWS,
    calibrated_on,
    choose,
    find_certain,
    fit_temperature,
    risk_coverage,
    softened,
)
from training.rows import Rows


def _drawn(count: int, labels: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return probabilities, and classes that are drawn by just these probabilities."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.6] * labels, count).astype(np.float32)
    drawn = (probabilities.cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return probabilities, np.minimum(drawn, labels - 1)


def _rows(classes: NDArray[np.int64], labels: int) -> Rows:
    count = len(classes)
    return Rows([[2]] * count, np.eye(labels, dtype=np.float32)[classes], np.zeros(count), np.ones(count, np.int64))


def _loss(probabilities: NDArray[np.float32], classes: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(classes)), classes], 1e-12)).mean())


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_a_model_lacks_is_found(labels: int, temperature: float) -> None:
    probabilities, classes = _drawn(20_000, labels)
    raw = softened(probabilities, 1 / temperature)  # as sure of itself, or unsure, as a model that lacks it

    assert fit_temperature(raw, classes) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_gives_a_lower_log_loss() -> None:
    probabilities, classes = _drawn(3_000, 3)
    raw = softened(probabilities, 0.6)
    found = fit_temperature(raw, classes)

    best = _loss(softened(raw, found), classes)

    assert best < _loss(raw, classes)
    assert all(best < _loss(softened(raw, found * factor), classes) for factor in (0.9, 0.99, 1.01, 1.1))


def test_a_model_that_is_never_wrong_gets_a_temperature_within_bounds() -> None:
    probabilities = np.array([[0.9, 0.1]] * 500, dtype=np.float32)

    assert fit_temperature(probabilities, np.zeros(500, np.int64)) == pytest.approx(0.1)
    assert fit_temperature(probabilities, np.ones(500, np.int64)) == pytest.approx(10.0)


def test_a_probability_of_zero_is_no_trouble() -> None:
    probabilities = np.array([[1.0, 0.0]] * 500, dtype=np.float32)

    assert np.isfinite(fit_temperature(probabilities, np.arange(500) % 2))
    assert np.isfinite(softened(probabilities, 3.0)).all()


def test_few_rows_say_too_little_to_choose_anything() -> None:
    probabilities, classes = _drawn(ENOUGH_ROWS - 1, 2)

    assert fit_temperature(probabilities, classes) == 1.0
    assert find_certain(probabilities, classes, 0.0) is None
    assert fit_temperature(*_drawn(ENOUGH_ROWS, 2)) != 1.0


def test_softening_keeps_every_label_and_undoes_itself() -> None:
    probabilities, _ = _drawn(1_000, 3)
    softer = softened(probabilities, 1.7)

    assert (softer.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    np.testing.assert_allclose(softened(softer, 1 / 1.7), probabilities, atol=1e-5)
    np.testing.assert_allclose(softer.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("labels", [2, 3])
def test_answers_from_the_bound_on_are_accurate_enough_and_a_lower_one_would_not_do(labels: int) -> None:
    probabilities, classes = _drawn(20_000, labels)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes

    bound = find_certain(probabilities, classes, 0.9)

    assert bound is not None
    assert 0.9 < right[confidence >= bound].mean() < 0.915
    assert right[confidence >= bound - 0.02].mean() < right[confidence >= bound].mean()
    fresh, truth = _drawn(20_000, labels, seed=1)
    assert (fresh.argmax(axis=1) == truth)[fresh.max(axis=1) >= bound].mean() > 0.89


def test_the_bound_is_zero_where_all_answers_are_accurate_enough_and_missing_where_none_are() -> None:
    random = np.random.default_rng(0)
    probabilities = np.array([[0.7, 0.3]] * 1_000, dtype=np.float32)
    rarely, often = (random.random(1_000) < share for share in (0.02, 0.5))

    assert find_certain(probabilities, rarely.astype(np.int64), 0.95) == 0.0
    assert find_certain(probabilities, often.astype(np.int64), 0.95) is None


def test_a_bound_that_leaves_next_to_nothing_is_not_set() -> None:
    probabilities = np.array([[0.99, 0.01]] * 90 + [[0.7, 0.3]] * 910, dtype=np.float32)
    classes = np.array([0] * 90 + [0, 1] * 455)

    assert find_certain(probabilities, classes, 0.9) is None
    assert find_certain(np.roll(probabilities, 20, axis=0), np.zeros(1_000, np.int64), 0.9) == 0.0


def test_risk_is_told_for_the_most_certain_texts() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], dtype=np.float32)

    whole, *_, half = risk_coverage(probabilities, np.array([0, 0, 1, 1]))

    assert [whole.coverage, whole.accuracy, whole.probability] == pytest.approx([1, 0.5, 0.6])
    assert [half.coverage, half.accuracy, half.probability] == pytest.approx([0.5, 1, 0.8])


def test_what_was_chosen_makes_the_calibration_error_small_on_other_texts() -> None:
    probabilities, classes = _drawn(20_000, 2)
    fresh, truth = _drawn(20_000, 2, seed=1)
    chosen = choose(softened(probabilities, 0.5), _rows(classes, 2), 0.9).settings

    found = calibrated_on("test", softened(softened(fresh, 0.5), chosen.temperature), _rows(truth, 2), chosen)

    figures = found.settings.figures
    assert figures["test_ece"] < 0.012 < figures["test_ece_before"]
    assert figures["test_brier"] < figures["test_brier_before"]
    assert figures["validation_ece"] < figures["validation_ece_before"]
    assert figures["test_certain_accuracy"] == pytest.approx(0.9, abs=0.015)
    assert found.before.metrics["accuracy"] == found.evaluation.metrics["accuracy"]
    assert len(found.curve) == 5


def test_a_model_that_is_certain_of_nothing_has_no_figure_of_that() -> None:
    probabilities, classes = _drawn(400, 2)

    found = calibrated_on("test", probabilities, _rows(classes, 2), Calibration(1.0, None, 0.95, {}))

    assert not any("certain" in name for name in found.settings.figures)


@pytest.mark.tensorflow
@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("settings", [{"variant": "gru", "pooling": "mean_max"}, {"variant": "embedding"}], ids=str)
def test_a_temperature_in_the_weights_is_that_of_the_probabilities(settings: dict[str, Any], labels: int) -> None:
    from training.variants import ModelSpec, build, divide_logits

    model = build(ModelSpec(small(**settings), VOCABULARY, labels, portable=True))
    random_weights(model)
    ids = ragged_ids()
    before = np.asarray(model(ids))

    divide_logits(model, 1.6)

    np.testing.assert_allclose(np.asarray(model(ids)), softened(before, 1.6), atol=2e-6)
    assert np.abs(np.asarray(model(ids)) - before).max() > 0.01
