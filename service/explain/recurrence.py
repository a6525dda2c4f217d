"""A recurrent layer: its directions through all steps of a text, and back. Arrays are time-major, as in the operators.

All rows of a batch are the same text, so none has padding; the operator's input `sequence_lens` says nothing then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from service.explain.activations import activations_of
from service.explain.cells import Cell, Lstm, SimpleRnn, Values
from service.explain.graph import Array, Node, NotCoveredError
from service.explain.gru import Gru, GruOfPaper

Direction = Literal["forward", "backward"]

RECURRENT: Mapping[str, Mapping[int, type[Cell]]] = {
    "RNN": {0: SimpleRnn},
    "LSTM": {0: Lstm},
    "GRU": {0: GruOfPaper, 1: Gru},
}
"""Cells by the operator and its `linear_before_reset`."""

_DIRECTIONS: Mapping[str, tuple[Direction, ...]] = {
    "forward": ("forward",),
    "reverse": ("backward",),
    "bidirectional": ("forward", "backward"),
}
_DEFAULT_ACTIVATIONS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
_SETTINGS = {"activation_alpha", "activation_beta", "activations", "direction", "hidden_size", "linear_before_reset"}


@dataclass(frozen=True, slots=True)
class Reader:
    """One direction of a layer."""

    direction: Direction
    cell: Cell

    def turned(self, steps: Array) -> Array:
        """Return what belongs to the steps of a text in the order in which they are read, or the other way round."""
        return steps if self.direction == "forward" else steps[::-1]

    def read(self, inputs: Array) -> Values:
        """Go through `inputs` (steps, batch, features); return what the cell computed, in the order of the text."""
        return {name: self.turned(each) for name, each in self.cell.read(self.turned(inputs)).items()}

    def back(self, values: Values, hidden: Array) -> Array:
        """Return the gradient of the inputs (steps, batch, features).

        Args:
            values: what the cell computed, in the order of the text; one row of it may serve all rows of the gradient.
            hidden: the gradient of every hidden state (steps, batch, units).
        """
        as_read = {name: self.turned(each) for name, each in values.items()}
        return self.turned(self.cell.back(as_read, self.turned(hidden)))


@dataclass(frozen=True, slots=True)
class Trace:
    """What one direction of a layer did with a text: what its cell computed, in the order of the text."""

    reader: Reader
    values: Values

    @property
    def last(self) -> int:
        """The place that was read last."""
        return -1 if self.reader.direction == "forward" else 0


@dataclass(frozen=True, slots=True)
class Layer:
    """A recurrent operator."""

    readers: tuple[Reader, ...]

    def read(self, inputs: Array) -> tuple[Array, Array, list[Trace]]:
        """Return all states (steps, directions, batch, units), the last ones (directions, batch, units), and traces."""
        traces = [Trace(reader, reader.read(inputs)) for reader in self.readers]
        states = np.stack([trace.values["hidden"] for trace in traces], axis=1)
        return states, np.stack([trace.values["hidden"][trace.last] for trace in traces]), traces

    def back(self, traces: Sequence[Trace], states: Array) -> Array:
        """Return the gradient of the inputs (steps, batch, features), given that of all states as `read` has them."""
        gradients = [trace.reader.back(trace.values, states[:, place]) for place, trace in enumerate(traces)]
        total: Array = np.sum(gradients, axis=0)
        return total


def of_last(traces: Sequence[Trace], ends: Array) -> Array:
    """Return the gradient of all states, given that of the last ones: nothing for the others."""
    states = np.zeros((len(traces[0].values["hidden"]), *ends.shape), dtype=ends.dtype)
    for place, trace in enumerate(traces):
        states[trace.last, place] = ends[place]
    return states


def layer_of(node: Node, weights: Sequence[Array]) -> Layer:
    """Return the layer that a recurrent operator is.

    Args:
        node: the operator.
        weights: W, R and B, each with a leading axis for the directions.

    Raises:
        NotCoveredError: if one of its settings is unknown here.
    """
    settings = node.attributes
    cell = RECURRENT[node.operator].get(settings.get("linear_before_reset", 0))
    directions = _DIRECTIONS.get(settings.get("direction", "forward"))
    if cell is None or directions is None or settings.keys() - _SETTINGS or any(node.inputs[5:]):
        raise NotCoveredError(f"no replay of this {node.operator}: one of its settings is unknown")
    names = settings.get("activations", _DEFAULT_ACTIVATIONS[node.operator] * len(directions))
    activations = activations_of(names, settings.get("activation_alpha", ()), settings.get("activation_beta", ()))
    share = len(activations) // len(directions)
    readers = []
    for place, (direction, kernel, recurrent, bias) in enumerate(zip(directions, *weights, strict=True)):
        own = activations[place * share : (place + 1) * share]
        of_input, of_state = np.split(bias, 2)
        readers.append(Reader(direction, cell(kernel, recurrent, of_input, of_state, own)))
    return Layer(tuple(readers))
