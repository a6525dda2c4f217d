"""That gates have their names. What steps give, forwards and backwards, is compared with others in test_replay.py."""

import numpy as np
import pytest

from service.explain.activations import activations_of
from service.explain.cells import Cell, Gru, GruOfPaper, Lstm, SimpleRnn

UNITS = 2


def cell_of(kind: type[Cell], *names: str) -> Cell:
    """Return a cell whose weights are all zero, so that its gates are what its projected input says."""
    rows = kind.parts * UNITS
    zeros = np.zeros(rows)
    return kind(np.zeros((rows, 1)), np.zeros((rows, UNITS)), zeros, zeros, activations_of(names))


def projected(*parts: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the input of one step: the same number for all units of a part of the weights."""
    return np.repeat(np.array([parts]), UNITS, axis=1)


def test_an_lstm_has_its_gates_in_the_order_of_onnx() -> None:
    cell = cell_of(Lstm, "Sigmoid", "Tanh", "Tanh")
    state = (np.zeros((1, UNITS)), np.full((1, UNITS), 0.8))

    step = cell.step(projected(-30, 30, 30, 2), state)

    values = {name: float(value[0, 0]) for name, value in step.values.items()}
    assert values["input"] == pytest.approx(0, abs=1e-9)
    assert values["output"] == values["forget"] == pytest.approx(1)
    assert values["candidate"] == pytest.approx(np.tanh(2))
    assert values["cell"] == pytest.approx(0.8)  # kept, and nothing written
    assert values["hidden"] == pytest.approx(np.tanh(0.8))


@pytest.mark.parametrize("kind", [Gru, GruOfPaper])
def test_a_gru_has_its_gates_in_the_order_of_onnx_and_keeps_its_state_with_an_open_update_gate(
    kind: type[Cell],
) -> None:
    cell = cell_of(kind, "Sigmoid", "Tanh")
    state = (np.full((1, UNITS), 0.8),)

    kept, replaced = (cell.step(projected(update, -30, 0.5), state) for update in (30, -30))

    assert kept.values["update"][0, 0] == pytest.approx(1)
    assert kept.values["reset"][0, 0] == pytest.approx(0, abs=1e-9)
    assert kept.values["hidden"][0, 0] == pytest.approx(0.8)
    assert replaced.values["hidden"][0, 0] == pytest.approx(np.tanh(0.5))
    assert replaced.values["candidate"][0, 0] == pytest.approx(np.tanh(0.5))


def test_every_gate_that_is_shown_is_computed() -> None:
    for kind, names in ((SimpleRnn, ["Tanh"]), (Lstm, ["Sigmoid", "Tanh", "Tanh"]), (Gru, ["Sigmoid", "Tanh"])):
        cell = cell_of(kind, *names)
        assert set(cell.gates) <= cell.step(projected(*[0.0] * kind.parts), cell.start(1)).values.keys()
