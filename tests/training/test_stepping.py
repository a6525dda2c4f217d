from typing import Any

import numpy as np
import pytest

from tests.training.models import VOCABULARY, ragged_ids, random_weights, small

pytestmark = pytest.mark.tensorflow


CELLS = pytest.mark.parametrize("variant", ["rnn", "lstm", "gru"])


def _model(labels: int = 2, **settings: Any) -> Any:
    """Return a Keras model with random weights."""
    from training.variants import ModelSpec, build

    model = build(ModelSpec(small(**settings), VOCABULARY, labels, portable=True))
    random_weights(model)
    return model


def _scorer(proto: Any) -> Any:
    from onnxruntime import InferenceSession

    session = InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda ids: session.run(["probabilities"], {"ids": ids})[0]


def _both(labels: int = 2, **settings: Any) -> tuple[Any, Any]:
    """Return a Keras model with random weights, and its graph for many rows as a function."""
    from training.stepping import lower_for_many

    model = _model(labels, **settings)
    return model, _scorer(lower_for_many(model))


@CELLS
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
def test_the_graph_for_many_rows_gives_the_scores_of_keras(variant: str, pooling: str) -> None:
    model, stepping = _both(variant=variant, pooling=pooling, spatial_dropout=0.2, head_dropout=0.3)
    ids = ragged_ids()

    np.testing.assert_allclose(stepping(ids), np.asarray(model(ids)), atol=2e-6)


@CELLS
@pytest.mark.parametrize("padding", [0, 40])
def test_the_graph_for_many_rows_gives_the_scores_of_the_fused_one(variant: str, padding: int) -> None:
    from training.lowering import lower

    model, stepping = _both(variant=variant, pooling="mean_max")
    ids = np.pad(ragged_ids(), ((0, 0), (0, padding)))

    np.testing.assert_allclose(stepping(ids), _scorer(lower(model))(ids), rtol=0, atol=1e-6)


@CELLS
def test_the_graph_of_three_classes_and_without_bias_gives_the_scores_of_keras(variant: str) -> None:
    model, stepping = _both(variant=variant, labels=3, bias=False)
    ids = ragged_ids()

    np.testing.assert_allclose(stepping(ids), np.asarray(model(ids)), atol=2e-6)


@pytest.mark.parametrize("variant", ["rnn", "lstm"])
@pytest.mark.parametrize("pooling", ["last", "mean_max"])
def test_steps_of_padding_leave_every_state_as_it_was_to_the_last_bit(variant: str, pooling: str) -> None:
    _, stepping = _both(variant=variant, pooling=pooling)
    ids = ragged_ids()[1:]

    gap = np.zeros((len(ids), 30), dtype=np.int32)  # within the texts: what comes after it depends on every state
    assert np.array_equal(stepping(np.concatenate([ids[:, :1], gap, ids[:, 1:], gap], axis=1)), stepping(ids))


@pytest.mark.parametrize(("variant", "said"), [("rnn", {}), ("lstm", {"from_rows": "32"}), ("gru", {})])
def test_a_graph_that_wins_later_than_others_says_from_how_many_rows_on(variant: str, said: dict[str, str]) -> None:
    from training.stepping import lower_for_many

    assert {each.key: each.value for each in lower_for_many(_model(variant=variant)).metadata_props} == said


@CELLS
def test_a_score_depends_neither_on_padding_nor_on_neighbours(variant: str) -> None:
    _, stepping = _both(variant=variant, pooling="mean_max")
    ids = ragged_ids()

    alone = np.concatenate([stepping(row[None, : max(1, np.count_nonzero(row))]) for row in ids])

    np.testing.assert_allclose(alone, stepping(np.pad(ids, ((0, 0), (0, 200)))), atol=2e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"variant": "bigru"},
        {"variant": "bilstm"},
        {"variant": "birnn"},
        {"variant": "gru", "direction": "backward"},
        {"variant": "gru", "reset_after": False},
        {"variant": "gru", "activation": "relu"},
        {"variant": "gru", "recurrent_activation": "softsign"},
        {"variant": "lstm", "direction": "backward"},
        {"variant": "lstm", "activation": "relu"},
        {"variant": "lstm", "recurrent_activation": "softsign"},
        {"variant": "rnn", "direction": "backward"},
        {"variant": "rnn", "activation": "relu"},
        {"variant": "gru", "pooling": "attention"},
        {"variant": "gru", "layers": 2},
        {"variant": "lstm", "layers": 2},
        {"variant": "rnn", "layers": 2},
        {"variant": "embedding"},
        {"variant": "ann"},
    ],
    ids=str,
)
def test_other_models_have_no_such_graph(settings: dict[str, Any]) -> None:
    from training.lowering import NotCoveredError

    with pytest.raises(NotCoveredError):
        _both(**settings)
