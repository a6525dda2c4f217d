"""The recurrent cells through the steps of a text, and back.

Equations and the order of gates in the weights: ONNX operator specification, version 14, `RNN`, `LSTM` (and `GRU`, in
`service.explain.gru`); they are those of Elman (1990), and of Hochreiter and Schmidhuber (1997) with the forget gate of
Gers, Schmidhuber and Cummins (2000). Backwards: the chain rule through time (Werbos 1990), written out.

A step is a handful of small operations, each of which costs as much to start as to do. So whatever does not need the
state before is done for all steps at once: the products with the inputs, and all slopes on the way back.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from service.explain.activations import Activation
from service.explain.graph import Array

Values = Mapping[str, Array]
"""What a cell computed, by name, each (steps, batch, units), in the order in which it read."""


@dataclass(frozen=True, slots=True)
class Cell(ABC):
    """The weights of one direction of a layer, as the operator has them.

    Attributes:
        kernel: W (parts * units, features).
        recurrent: R (parts * units, units).
        bias: of the projected input (parts * units).
        recurrent_bias: of the projected state (parts * units).
        activations: f, g and h of the specification, as many as the cell has.
    """

    kernel: Array
    recurrent: Array
    bias: Array
    recurrent_bias: Array
    activations: tuple[Activation, ...]

    name: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    """What of its values people want to see."""
    parts: ClassVar[int]
    """How many blocks of units rows its weights have."""

    @property
    def units(self) -> int:
        """The size of its state."""
        return int(self.recurrent.shape[1])

    @abstractmethod
    def read(self, inputs: Array) -> Values:
        """Go through `inputs` (steps, batch, features), from a state of zeros."""

    @abstractmethod
    def back(self, values: Values, hidden: Array) -> Array:
        """Return the gradient of the inputs (steps, batch, features).

        Args:
            values: what `read` gave; one row of it serves all rows of the gradient.
            hidden: the gradient of every hidden state (steps, batch, units).
        """

    def _projected(self, inputs: Array) -> Array:
        """Return x Wᵀ + bias (steps, batch, parts * units)."""
        projected: Array = inputs @ np.ascontiguousarray(self.kernel.T)
        projected += self.bias
        return projected

    def _gradient_of_inputs(self, hidden: Array) -> Array:
        """Return room for it, given the gradient of the hidden states."""
        return np.empty((*hidden.shape[:2], self.kernel.shape[1]), dtype=hidden.dtype)

    def _states(self, like: Array) -> Array:
        """Return room for the states of as many steps and rows, and for the zeros before them."""
        return np.zeros((len(like) + 1, like.shape[1], self.units), dtype=like.dtype)


class SimpleRnn(Cell):
    """h' = f(x Wᵀ + h Rᵀ + b)."""

    name = "rnn"
    gates = ("hidden",)
    parts = 1

    def read(self, inputs: Array) -> Values:
        """Go through a text."""
        projected, recurrent = self._projected(inputs), np.ascontiguousarray(self.recurrent.T)
        projected += self.recurrent_bias
        hidden = self._states(projected)
        for place, total in enumerate(projected):
            hidden[place + 1] = self.activations[0].value(total + hidden[place] @ recurrent)
        return {"hidden": hidden[1:]}

    def back(self, values: Values, hidden: Array) -> Array:
        """Go back through it."""
        slopes = self.activations[0].slope(values["hidden"])
        inputs = self._gradient_of_inputs(hidden)
        later: Array | float = 0.0
        for place in reversed(range(len(hidden))):
            total = (hidden[place] + later) * slopes[place]
            inputs[place] = total @ self.kernel
            later = total @ self.recurrent
        return inputs


class Lstm(Cell):
    """i, o, f = f(x Wᵀ + h Rᵀ + b) and, last in the weights, g = g(the same); c' = f c + i g; h' = o h(c')."""

    name = "lstm"
    gates = ("forget", "input", "output", "candidate", "cell", "hidden")
    parts = 4

    def read(self, inputs: Array) -> Values:
        """Go through a text."""
        of_gate, of_candidate, of_cell = self.activations
        projected, recurrent, units = self._projected(inputs), np.ascontiguousarray(self.recurrent.T), self.units
        projected += self.recurrent_bias
        hidden, cell = self._states(projected), self._states(projected)
        shown = np.empty_like(hidden[1:])
        write, show, keep, candidate = parts_of(projected, 4)
        for place, given in enumerate(projected):
            total = given + hidden[place] @ recurrent
            given[:, : 3 * units] = of_gate.value(total[:, : 3 * units])
            given[:, 3 * units :] = of_candidate.value(total[:, 3 * units :])
            cell[place + 1] = keep[place] * cell[place] + write[place] * candidate[place]
            shown[place] = of_cell.value(cell[place + 1])
            hidden[place + 1] = show[place] * shown[place]
        gates = {"forget": keep, "input": write, "output": show, "candidate": candidate}
        return {**gates, "cell": cell[1:], "cell_before": cell[:-1], "shown": shown, "hidden": hidden[1:]}

    def back(self, values: Values, hidden: Array) -> Array:
        """Go back through it."""
        of_gate, of_candidate, of_cell = self.activations
        to_cell = values["output"] * of_cell.slope(values["shown"])
        to_output = values["shown"] * of_gate.slope(values["output"])
        to_others = np.stack(
            [
                values["candidate"] * of_gate.slope(values["input"]),
                values["cell_before"] * of_gate.slope(values["forget"]),
                values["input"] * of_candidate.slope(values["candidate"]),
            ],
            axis=2,
        )
        (kernel, kernels), (recurrent, recurrents) = (
            self._output_apart(each) for each in (self.kernel, self.recurrent)
        )
        inputs = self._gradient_of_inputs(hidden)
        later: Array | float = 0.0
        later_cell: Array | float = 0.0
        for place in reversed(range(len(hidden))):
            state = hidden[place] + later
            cell = state * to_cell[place] + later_cell
            output = state * to_output[place]
            inputs[place] = output @ kernel + through(cell, to_others[place], kernels)
            later = output @ recurrent + through(cell, to_others[place], recurrents)
            later_cell = cell * values["forget"][place]
        return inputs

    def _output_apart(self, weights: Array) -> tuple[Array, Array]:
        """Return the rows of the output gate, which depends on h', and those of the others, which depend on c'."""
        first, last = self.units, 2 * self.units
        return weights[first:last], np.concatenate([weights[:first], weights[last:]])


def through(gradient: Array, slopes: Array, weights: Array) -> Array:
    """Return the gradient of what was multiplied with weights, by way of several parts.

    Args:
        gradient: of what came out of the parts (batch, units).
        slopes: how much that changes with each part (batch, parts, units), or one row that serves all.
        weights: of the parts (parts * units, inputs).
    """
    if len(slopes) == 1 < len(gradient):  # the Jacobians of a text: fewer products, once the parts are one
        parts, units = slopes.shape[1:]
        weights = (slopes[0, :, :, None] * weights.reshape(parts, units, -1)).sum(0)
    else:
        gradient = (gradient[:, None] * slopes).reshape(len(gradient), -1)
    product: Array = gradient @ weights
    return product


def parts_of(array: Array, parts: int) -> list[Array]:
    """Return views of the parts of (steps, batch, parts * units)."""
    units = array.shape[2] // parts
    return [array[:, :, part * units : (part + 1) * units] for part in range(parts)]
