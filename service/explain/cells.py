"""One step of the recurrent cells, and the same step backwards.

Equations and the order of gates in the weights: ONNX operator specification, version 14, `RNN`, `LSTM`, `GRU`; they are
those of Elman (1990), of Hochreiter and Schmidhuber (1997) with the forget gate of Gers, Schmidhuber and Cummins
(2000), and of Cho et al. (2014, arXiv:1406.1078). Backwards: the chain rule through time (Werbos 1990), written out.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from service.explain.activations import Activation
from service.explain.graph import Array

State = tuple[Array, ...]
"""What a cell hands on to its next step: h, and c in an LSTM, each (batch, units)."""


class Step(NamedTuple):
    """What happened in one step.

    Attributes:
        before: the state that the step was given.
        after: the state that it gave.
        values: what it computed on the way, by name, each (batch, units).
    """

    before: State
    after: State
    values: Mapping[str, Array]


class Backward(NamedTuple):
    """Gradients of what a step was given: its projected input (batch, parts * units) and the state before it."""

    projected: Array
    state: State


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
    """What of its steps people want to see."""
    parts: ClassVar[int]
    """How many blocks of units rows its weights have."""
    states: ClassVar[int] = 1

    @property
    def units(self) -> int:
        """The size of its state."""
        return int(self.recurrent.shape[1])

    def start(self, batch: int) -> State:
        """Return the state before the first step: zeros."""
        return (np.zeros((batch, self.units), dtype=np.float32),) * self.states

    @abstractmethod
    def step(self, projected: Array, state: State) -> Step:
        """Go one step on from `state`; `projected` is x Wᵀ + bias (batch, parts * units)."""

    @abstractmethod
    def back(self, step: Step, gradient: State) -> Backward:
        """Go a step back: from the gradient of the state after it to those of what it was given."""


class SimpleRnn(Cell):
    """h' = f(x Wᵀ + h Rᵀ + b)."""

    name = "rnn"
    gates = ("hidden",)
    parts = 1

    def step(self, projected: Array, state: State) -> Step:
        """Go one step on."""
        after = self.activations[0].value(projected + state[0] @ self.recurrent.T + self.recurrent_bias)
        return Step(state, (after,), {"hidden": after})

    def back(self, step: Step, gradient: State) -> Backward:
        """Go a step back."""
        total = gradient[0] * self.activations[0].slope(step.after[0])
        return Backward(total, (total @ self.recurrent,))


class Lstm(Cell):
    """i, o, f = f(x Wᵀ + h Rᵀ + b) and, last in the weights, g = g(the same); c' = f c + i g; h' = o h(c')."""

    name = "lstm"
    gates = ("forget", "input", "output", "candidate", "cell", "hidden")
    parts = 4
    states = 2

    def step(self, projected: Array, state: State) -> Step:
        """Go one step on."""
        of_gate, of_candidate, of_cell = self.activations
        split = 3 * self.units
        total = projected + state[0] @ self.recurrent.T + self.recurrent_bias
        write, show, keep = np.split(of_gate.value(total[:, :split]), 3, axis=1)
        candidate = of_candidate.value(total[:, split:])
        cell = keep * state[1] + write * candidate
        shown = of_cell.value(cell)
        hidden = show * shown
        gates = {"forget": keep, "input": write, "output": show, "candidate": candidate}
        return Step(state, (hidden, cell), {**gates, "cell": cell, "shown": shown, "hidden": hidden})

    def back(self, step: Step, gradient: State) -> Backward:
        """Go a step back."""
        of_gate, of_candidate, of_cell = self.activations
        values, (hidden, cell) = step.values, gradient
        cell = cell + hidden * values["output"] * of_cell.slope(values["shown"])
        total = np.concatenate(
            [
                cell * (values["candidate"] * of_gate.slope(values["input"])),
                hidden * (values["shown"] * of_gate.slope(values["output"])),
                cell * (step.before[1] * of_gate.slope(values["forget"])),
                cell * (values["input"] * of_candidate.slope(values["candidate"])),
            ],
            axis=1,
        )
        return Backward(total, (total @ self.recurrent, cell * values["forget"]))


class Gru(Cell):
    """z, r = f(x Wᵀ + h Rᵀ + b); n = g(x Wᵀ + r (h Rᵀ + b)); h' = (1 - z) n + z h: `linear_before_reset`, as Keras."""

    name = "gru"
    gates = ("update", "reset", "candidate", "hidden")
    parts = 3

    def step(self, projected: Array, state: State) -> Step:
        """Go one step on."""
        split = 2 * self.units
        from_state = state[0] @ self.recurrent.T + self.recurrent_bias
        gates = self.activations[0].value(projected[:, :split] + from_state[:, :split])
        remembered = from_state[:, split:]
        candidate = self.activations[1].value(projected[:, split:] + gates[:, self.units :] * remembered)
        return _gru_step(state, gates, candidate, remembered)

    def back(self, step: Step, gradient: State) -> Backward:
        """Go a step back."""
        values = step.values
        update, candidate = _gru_back(self, step, gradient[0])
        reset = candidate * (values["remembered"] * self.activations[0].slope(values["reset"]))
        to_state = np.concatenate([update, reset, candidate * values["reset"]], axis=1)
        before = gradient[0] * values["update"] + to_state @ self.recurrent
        return Backward(np.concatenate([update, reset, candidate], axis=1), (before,))


class GruOfPaper(Gru):
    """The same with n = g(x Wᵀ + (r h) Rᵀ + b), as Cho et al. wrote it."""

    def step(self, projected: Array, state: State) -> Step:
        """Go one step on."""
        split, [hidden] = 2 * self.units, state
        recurrent, bias = self.recurrent, self.recurrent_bias
        gates = self.activations[0].value(projected[:, :split] + hidden @ recurrent[:split].T + bias[:split])
        remembered = gates[:, self.units :] * hidden
        candidate = self.activations[1].value(projected[:, split:] + remembered @ recurrent[split:].T + bias[split:])
        return _gru_step(state, gates, candidate, remembered)

    def back(self, step: Step, gradient: State) -> Backward:
        """Go a step back."""
        split, values = 2 * self.units, step.values
        update, candidate = _gru_back(self, step, gradient[0])
        remembered = candidate @ self.recurrent[split:]
        reset = remembered * (step.before[0] * self.activations[0].slope(values["reset"]))
        total = np.concatenate([update, reset, candidate], axis=1)
        before = gradient[0] * values["update"] + remembered * values["reset"]
        return Backward(total, (before + total[:, :split] @ self.recurrent[:split],))


def _gru_step(state: State, gates: Array, candidate: Array, remembered: Array) -> Step:
    update, reset = np.split(gates, 2, axis=1)
    after = candidate + update * (state[0] - candidate)
    values = {"update": update, "reset": reset, "candidate": candidate, "remembered": remembered, "hidden": after}
    return Step(state, (after,), values)


def _gru_back(cell: Gru, step: Step, gradient: Array) -> tuple[Array, Array]:
    """Return the gradients before the activations of the update gate and of the candidate."""
    of_gate, of_candidate = cell.activations
    update, candidate = step.values["update"], step.values["candidate"]
    return (
        gradient * ((step.before[0] - candidate) * of_gate.slope(update)),
        gradient * ((1 - update) * of_candidate.slope(candidate)),
    )
