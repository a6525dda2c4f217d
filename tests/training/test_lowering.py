from typing import Any

import numpy as np
import onnx
import pytest

from model_store.operators.fused_graph import check_fused_graph
from service.engines.unpadded import without_padding
from tests.training.models import VOCABULARY, ragged_ids, random_weights, small
from training.config import VARIANT_NAMES as VARIANTS
from training.config import TrainingConfig

pytestmark = pytest.mark.tensorflow

POOLED = [
    {"variant": variant, "pooling": pooling, "direction": direction, "layers": 2}
    for variant in ("rnn", "lstm", "gru")
    for pooling, direction in (
        *(("mean", "backward"), ("max", "bidirectional"), ("mean_max", "forward")),
        *(("attention", "backward"), ("attention", "bidirectional")),
    )
]
CELLS: list[dict[str, Any]] = [
    {"variant": "lstm", "bias": False},
    {"variant": "gru", "reset_after": False},
    {"variant": "gru", "direction": "backward"},
    {"variant": "rnn", "activation": "relu"},
    {"variant": "lstm", "activation": "softsign", "recurrent_activation": "hard_sigmoid"},
    {"variant": "gru", "activation": "linear", "recurrent_activation": "softsign"},
    {"variant": "rnn", "activation": "softplus"},
]


def _both(config: TrainingConfig, labels: int = 2) -> tuple[Any, Any]:
    """Return a Keras model with random weights, and its fused graph as a function."""
    model, graph = _lowered(config, labels)
    check_fused_graph(graph, "model.onnx")
    return model, _function(graph)


def _lowered(config: TrainingConfig, labels: int = 2) -> tuple[Any, bytes]:
    from training.lowering import lower
    from training.variants import ModelSpec, build

    model = build(ModelSpec(config, VOCABULARY, labels, portable=True))
    random_weights(model)
    return model, lower(model).SerializeToString()


def _function(graph: bytes) -> Any:
    from onnxruntime import InferenceSession

    session = InferenceSession(graph, providers=["CPUExecutionProvider"])
    return lambda ids: session.run(["probabilities"], {"ids": ids})[0]


@pytest.mark.parametrize("settings", [*({"variant": name} for name in VARIANTS), *POOLED, *CELLS], ids=str)
def test_the_fused_graph_gives_the_scores_of_keras(settings: dict[str, Any]) -> None:
    model, fused = _both(small(**settings, spatial_dropout=0.2, head_dropout=0.3))
    ids = ragged_ids()

    np.testing.assert_allclose(fused(ids), np.asarray(model(ids)), atol=2e-6)


@pytest.mark.parametrize("settings", [*({"variant": name} for name in VARIANTS), *POOLED, *CELLS], ids=str)
def test_without_what_tells_padding_it_gives_them_to_a_text_alone(settings: dict[str, Any]) -> None:
    model, graph = _lowered(small(**settings))
    simpler = without_padding(graph).raw
    told = {"Sign", "Min", "Max", "Div", "Cast", "Unsqueeze"}
    fused = _function(simpler)

    assert told.isdisjoint(node.op_type for node in onnx.load_from_string(simpler).graph.node)
    for row in ragged_ids():
        ids = row[None, : max(1, np.count_nonzero(row))]
        if ids.all():
            np.testing.assert_allclose(fused(ids), np.asarray(model(ids)), atol=2e-6)


def test_the_fused_graph_of_three_classes_gives_the_scores_of_keras() -> None:
    model, fused = _both(small(), labels=3)
    ids = ragged_ids()

    np.testing.assert_allclose(fused(ids), np.asarray(model(ids)), atol=2e-6)


@pytest.mark.parametrize("variant", ["gru", "bilstm"])
def test_attention_in_a_fused_graph_pays_none_to_padding_and_neighbours(variant: str) -> None:
    _, fused = _both(small(variant=variant, pooling="attention"))
    ids = ragged_ids()

    alone = np.concatenate([fused(row[None, : max(1, np.count_nonzero(row))]) for row in ids])

    np.testing.assert_allclose(alone, fused(np.pad(ids, ((0, 0), (0, 200)))), atol=2e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_fused_score_depends_neither_on_padding_nor_on_neighbours(variant: str) -> None:
    _, fused = _both(small(variant=variant))
    ids = ragged_ids()

    alone = np.concatenate([fused(row[None, : max(1, np.count_nonzero(row))]) for row in ids])

    np.testing.assert_allclose(alone, fused(np.pad(ids, ((0, 0), (0, 9)))), atol=2e-6)


def test_an_activation_without_a_fused_operator_is_named() -> None:
    from training.lowering import NotCoveredError

    with pytest.raises(NotCoveredError, match="activation 'gelu'"):
        _both(small(activation="gelu"))


def test_a_layer_without_a_fused_operator_is_named() -> None:
    import keras

    from training.lowering import NotCoveredError, lower

    ids = keras.Input((None,), dtype="int32")
    hidden = keras.layers.Conv1D(4, 3)(keras.layers.Embedding(VOCABULARY, 4)(ids))

    with pytest.raises(NotCoveredError, match="the layer Conv1D"):
        lower(keras.Model(ids, hidden))
