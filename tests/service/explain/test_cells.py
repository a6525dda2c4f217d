"""That gates have their names. What steps give, forwards and backwards, is compared with others in test_replay.py."""

import numpy as np
import pytest

from service.explain.activations import activations_of
from service.explain.cells import Cell, Lstm, SimpleRnn, Values
from service.explain.gru import Gru, GruOfPaper

UNITS = 2


def values_of(kind: type[Cell], names: list[str], *steps: list[float]) -> Values:
    """Return what a cell computes whose gates are what its steps say: for each part of the weights a number."""
    kernel = np.repeat(np.eye(kind.parts), UNITS, axis=0)
    rows = kind.parts * UNITS
    cell = kind(kernel, np.zeros((rows, UNITS)), np.zeros(rows), np.zeros(rows), activations_of(names))
    return cell.read(np.array(steps)[:, None, :])


def test_an_lstm_has_its_gates_in_the_order_of_onnx() -> None:
    written, kept = [30.0, 30.0, -30.0, 1.1], [-30.0, 30.0, 30.0, 2.0]

    values = values_of(Lstm, ["Sigmoid", "Tanh", "Tanh"], written, kept)

    last = {name: float(value[1, 0, 0]) for name, value in values.items()}
    assert last["input"] == pytest.approx(0, abs=1e-9)
    assert last["output"] == last["forget"] == pytest.approx(1)
    assert last["candidate"] == pytest.approx(np.tanh(2))
    assert last["cell_before"] == pytest.approx(np.tanh(1.1))
    assert last["cell"] == pytest.approx(np.tanh(1.1))  # kept, and nothing written
    assert last["hidden"] == pytest.approx(np.tanh(np.tanh(1.1)))


@pytest.mark.parametrize("kind", [Gru, GruOfPaper])
def test_a_gru_has_its_gates_in_the_order_of_onnx_and_keeps_its_state_with_an_open_update_gate(
    kind: type[Cell],
) -> None:
    first, names = [-30.0, -30.0, 1.1], ["Sigmoid", "Tanh"]

    kept, replaced = (values_of(kind, names, first, [update, -30.0, 0.5]) for update in (30.0, -30.0))

    assert kept["update"][1, 0, 0] == pytest.approx(1)
    assert kept["reset"][1, 0, 0] == pytest.approx(0, abs=1e-9)
    assert kept["hidden"][1, 0, 0] == pytest.approx(np.tanh(1.1))
    assert replaced["hidden"][1, 0, 0] == pytest.approx(np.tanh(0.5))
    assert replaced["candidate"][1, 0, 0] == pytest.approx(np.tanh(0.5))


def test_every_gate_that_is_shown_is_computed() -> None:
    for kind, names in ((SimpleRnn, ["Tanh"]), (Lstm, ["Sigmoid", "Tanh", "Tanh"]), (Gru, ["Sigmoid", "Tanh"])):
        assert set(kind.gates) <= values_of(kind, names, [0.0] * kind.parts).keys()
