from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.layout import SAVED_MODEL
from model_store.operators.saved_model import check_saved_model
from tests.training.models import VOCABULARY, ragged_ids, random_weights, small
from training.config import ACTIVATIONS, POOLINGS, TrainingConfig
from training.config import VARIANT_NAMES as VARIANTS

pytestmark = pytest.mark.tensorflow


def _model(config: TrainingConfig, labels: int = 2) -> Any:
    from training.variants import ModelSpec, build

    model = build(ModelSpec(config, VOCABULARY, labels, portable=True))
    random_weights(model)
    return model


def test_the_table_holds_every_variant() -> None:
    from training.variants import VARIANTS as TABLE

    assert tuple(TABLE) == VARIANTS


@pytest.mark.parametrize(
    ("variant", "core", "total"),
    [
        ("rnn", 5_050, 506_715),
        ("lstm", 20_200, 521_865),
        ("gru", 15_300, 516_965),
        ("stacked_gru", 30_600, 532_265),
        ("bigru", 30_600, 533_865),
        ("bilstm", 40_400, 543_665),
        ("stacked_bilstm", 40_400 + 60_400, 604_065),
    ],
)
def test_parameters_count_as_in_the_reference(variant: str, core: int, total: int) -> None:
    from training.variants import ModelSpec, build

    model = build(ModelSpec(TrainingConfig(variant=variant), 10_000, 2))

    recurrent = [layer for layer in model.layers if layer.name.startswith("recurrent")]
    assert sum(layer.count_params() for layer in recurrent) == core
    assert model.count_params() == total
    assert model.get_layer("embedding").count_params() == 500_000
    assert model.get_layer("positive").count_params() == 33
    if core in (5_050, 20_200, 15_300):
        assert model.get_layer("hidden").count_params() == 1_632


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_score_depends_neither_on_padding_nor_on_neighbours(variant: str) -> None:
    model, ids = _model(small(variant=variant)), ragged_ids()

    together = np.asarray(model(np.pad(ids, ((0, 0), (0, 7)))))
    alone = np.concatenate([np.asarray(model(row[None, : max(1, np.count_nonzero(row))])) for row in ids])

    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("labels", [2, 3])
def test_probabilities_add_up_even_for_an_empty_text(variant: str, labels: int) -> None:
    probabilities = np.asarray(_model(small(variant=variant), labels)(ragged_ids()))

    assert probabilities.shape == (24, labels)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (probabilities >= 0).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"variant": "embedding"},
        {"variant": "lstm", "pooling": "mean_max", "direction": "backward"},
        {"variant": "gru", "bias": False, "reset_after": False, "direction": "bidirectional"},
        {"variant": "gru", "pooling": "attention"},
    ],
    ids=str,
)
def test_the_operators_of_what_is_published_are_on_the_list(settings: dict[str, Any], tmp_path: Path) -> None:
    from training.exporter import write_saved_model

    write_saved_model(_model(small(**settings)), tmp_path)
    check_saved_model((tmp_path / SAVED_MODEL).read_bytes())


def test_the_operators_of_every_activation_are_on_the_list(tmp_path: Path) -> None:
    import keras

    from training.exporter import write_saved_model

    layers = [keras.layers.Dense(4, activation=activation) for activation in ACTIVATIONS]
    write_saved_model(keras.Sequential([keras.Input((4,), dtype="int32"), *layers]), tmp_path)
    check_saved_model((tmp_path / SAVED_MODEL).read_bytes())


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_over_no_tokens_is_no_nan(pooling: str) -> None:
    assert np.isfinite(np.asarray(_model(small(pooling=pooling))(np.zeros((2, 5), np.int32)))).all()


def test_attention_is_a_mean_by_shares_that_the_states_decide() -> None:
    from training.layers import Attention

    random = np.random.default_rng(3)
    states = random.normal(size=(2, 4, 3)).astype(np.float32)
    layer = Attention(5)
    layer.build(states.shape)
    random_weights(layer)
    kernel, bias, context = (np.asarray(weight) for weight in (layer.kernel, layer.bias, layer.context))
    powers = np.exp((np.tanh(states @ kernel + bias) @ context)[:, :, 0]) * [[1, 1, 1, 1], [1, 1, 0, 0]]
    expected = (states * (powers / powers.sum(axis=1, keepdims=True))[:, :, None]).sum(axis=1)

    found = np.asarray(layer(states, mask=np.array([[True] * 4, [True, True, False, False]])))

    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - np.asarray(layer(states)))[1].max() > 1e-3


def test_attention_to_a_text_without_a_step_gives_zeros() -> None:
    from training.layers import Attention

    layer = Attention(5)

    assert not np.asarray(layer(np.ones((2, 4, 3), np.float32), mask=np.zeros((2, 4), bool))).any()


@pytest.mark.parametrize("variant", ["gru", "bilstm"])
def test_attention_depends_neither_on_padding_nor_on_neighbours(variant: str) -> None:
    model, ids = _model(small(variant=variant, pooling="attention")), ragged_ids()

    together = np.asarray(model(np.pad(ids, ((0, 0), (0, 7)))))
    alone = np.concatenate([np.asarray(model(row[None, : max(1, np.count_nonzero(row))])) for row in ids])

    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_order_matters_to_recurrent_models_and_not_to_a_bag() -> None:
    forward = ragged_ids()[1:2]
    backward = forward[:, ::-1].copy()

    bag, gru = _model(small(variant="ann")), _model(small(variant="gru"))

    np.testing.assert_allclose(bag(forward), bag(backward), atol=1e-6)
    assert np.abs(np.asarray(gru(forward)) - np.asarray(gru(backward))).max() > 1e-3


@pytest.mark.parametrize(("portable", "dropout"), [(False, 0.1), (True, 0.0)])
def test_settings_of_the_layers_arrive_in_them(portable: bool, dropout: float) -> None:
    from training.variants import ModelSpec, build

    config = small(activation="relu", recurrent_activation="hard_sigmoid", bias=False, dropout=0.1, layers=2)
    model = build(ModelSpec(config, VOCABULARY, 2, portable=portable))

    first, second = (layer for layer in model.layers if layer.name.startswith("recurrent"))

    assert (first.activation.__name__, first.recurrent_activation.__name__) == ("relu", "hard_sigmoid")
    assert (first.use_bias, first.dropout, second.return_sequences) == (False, dropout, False)
