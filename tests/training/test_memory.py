from typing import Any

import numpy as np
import pytest

from tests.training.models import VOCABULARY, small
from training.rows import Rows

pytestmark = pytest.mark.tensorflow


def _rows(length: int, count: int = 300) -> Rows:
    ids = np.random.default_rng(0).integers(1, VOCABULARY, (count, length)).tolist()
    return Rows(ids, np.zeros((count, 2), np.float32), np.zeros(count), np.full(count, length))


def _simple_rnn(recurrence: float) -> Any:
    """Return a SimpleRNN that keeps `recurrence` of its state at every step."""
    from training.variants import ModelSpec, build

    model = build(ModelSpec(small(variant="rnn", activation="linear"), VOCABULARY, 2))
    kernel, _, bias = model.get_layer("recurrent_1").get_weights()
    model.get_layer("recurrent_1").set_weights([kernel * 0.1, np.eye(6) * recurrence, bias])
    return model


@pytest.mark.parametrize("recurrence", [0.5, 0.9])
def test_a_linear_recurrence_forgets_geometrically(recurrence: float) -> None:
    from training.memory import memory_curve

    curve = np.array(memory_curve(_simple_rnn(recurrence), _rows(20)))

    np.testing.assert_allclose(curve[1:10] / curve[:9], recurrence, rtol=1e-3)


def test_the_curve_is_as_long_as_enough_texts_are() -> None:
    from training.memory import memory_curve

    model = _simple_rnn(0.9)

    assert len(memory_curve(model, _rows(25))) == 20
    assert memory_curve(model, _rows(5)) == []
    assert memory_curve(model, _rows(25, count=10)) == []
