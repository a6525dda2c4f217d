from typing import Any

import numpy as np
import pytest

from tests.training.models import VOCABULARY, ragged_ids, random_weights, small

pytestmark = pytest.mark.tensorflow


def _both(labels: int = 2, **settings: Any) -> tuple[Any, Any]:
    """Return a Keras model with random weights, and its graph for many rows as a function."""
    from onnxruntime import InferenceSession

    from training.stepping import lower_for_many
    from training.variants import ModelSpec, build

    model = build(ModelSpec(small(**settings), VOCABULARY, labels, portable=True))
    random_weights(model)
    session = InferenceSession(lower_for_many(model).SerializeToString(), providers=["CPUExecutionProvider"])
    return model, lambda ids: session.run(["probabilities"], {"ids": ids})[0]


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
def test_the_graph_for_many_rows_gives_the_scores_of_keras(pooling: str) -> None:
    model, stepping = _both(variant="gru", pooling=pooling, spatial_dropout=0.2, head_dropout=0.3)
    ids = ragged_ids()

    np.testing.assert_allclose(stepping(ids), np.asarray(model(ids)), atol=2e-6)


def test_the_graph_of_three_classes_and_without_bias_gives_the_scores_of_keras() -> None:
    model, stepping = _both(variant="gru", labels=3, bias=False)
    ids = ragged_ids()

    np.testing.assert_allclose(stepping(ids), np.asarray(model(ids)), atol=2e-6)


def test_a_score_depends_neither_on_padding_nor_on_neighbours() -> None:
    _, stepping = _both(variant="gru", pooling="mean_max")
    ids = ragged_ids()

    alone = np.concatenate([stepping(row[None, : max(1, np.count_nonzero(row))]) for row in ids])

    np.testing.assert_allclose(alone, stepping(np.pad(ids, ((0, 0), (0, 200)))), atol=2e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"variant": "lstm"},
        {"variant": "bigru"},
        {"variant": "gru", "direction": "backward"},
        {"variant": "gru", "reset_after": False},
        {"variant": "gru", "activation": "relu"},
        {"variant": "gru", "recurrent_activation": "softsign"},
        {"variant": "gru", "layers": 2},
        {"variant": "embedding"},
        {"variant": "ann"},
    ],
    ids=str,
)
def test_other_models_have_no_such_graph(settings: dict[str, Any]) -> None:
    from training.lowering import NotCoveredError

    with pytest.raises(NotCoveredError):
        _both(**settings)
