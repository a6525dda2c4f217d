from typing import Any

import numpy as np
import pytest

from service.explain.activations import activations_of
from service.explain.cells import Cell, Lstm, SimpleRnn
from service.explain.gru import Gru, GruOfPaper
from service.explain.memory import reach
from service.explain.recurrence import Direction, Reader, Trace

UNITS, FEATURES, STEPS = 3, 2, 6
RANDOM = np.random.default_rng(7)
INPUTS = RANDOM.normal(size=(STEPS, 1, FEATURES))


def random_reader(kind: type[Cell], names: list[str], direction: Direction = "forward") -> Reader:
    rows = kind.parts * UNITS
    kernel, recurrent = RANDOM.normal(size=(rows, FEATURES)), RANDOM.normal(size=(rows, UNITS))
    bias, other = RANDOM.normal(size=(2, rows))
    return Reader(direction, kind(kernel, recurrent, bias, other, activations_of(names)))


def traced(reader: Reader, inputs: Any = INPUTS) -> Trace:
    return Trace(reader, reader.read(inputs))


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (SimpleRnn, ["Tanh"]),
        (Lstm, ["Sigmoid", "Tanh", "Tanh"]),
        (Gru, ["Sigmoid", "Tanh"]),
        (GruOfPaper, ["Sigmoid", "Tanh"]),
    ],
)
def test_the_reach_is_the_norm_of_what_other_inputs_would_change(
    kind: type[Cell], names: list[str], direction: Direction
) -> None:
    reader, step = random_reader(kind, names, direction), 1e-6

    norms = reach(traced(reader), row=0)

    for back, place in enumerate(reader.turned(np.arange(STEPS))[::-1]):
        jacobian = []
        for feature in range(FEATURES):
            above, below = INPUTS.copy(), INPUTS.copy()
            above[place, 0, feature] += step
            below[place, 0, feature] -= step
            ends = [traced(reader, each) for each in (above, below)]
            states = [trace.values["hidden"][trace.last, 0] for trace in ends]
            jacobian.append((states[0] - states[1]) / (2 * step))
        assert norms[back] == pytest.approx(np.linalg.norm(jacobian), rel=1e-5, abs=1e-9)


def test_what_a_linear_network_halves_at_every_step_is_forgotten_by_half() -> None:
    half, nothing = np.eye(UNITS) / 2, np.zeros(UNITS)
    reader = Reader("forward", SimpleRnn(np.eye(UNITS), half, nothing, nothing, activations_of(["Affine"], [1], [0])))

    norms = reach(traced(reader, np.ones((STEPS, 2, UNITS))), row=1)

    np.testing.assert_allclose(norms, np.sqrt(UNITS) * 0.5 ** np.arange(STEPS))
