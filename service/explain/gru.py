"""The cells of the operator `GRU` (Cho et al. 2014, arXiv:1406.1078), in the two forms that it has."""

import numpy as np

from service.explain.cells import Cell, Values, parts_of, through
from service.explain.graph import Array


class Gru(Cell):
    """z, r = f(x Wᵀ + h Rᵀ + b); n = g(x Wᵀ + r (h Rᵀ + b)); h' = (1 - z) n + z h: `linear_before_reset`, as Keras."""

    name = "gru"
    gates = ("update", "reset", "candidate", "hidden")
    parts = 3

    def read(self, inputs: Array) -> Values:
        """Go through a text."""
        of_gate, of_candidate = self.activations
        projected, recurrent, split = self._projected(inputs), np.ascontiguousarray(self.recurrent.T), 2 * self.units
        hidden = self._states(projected)
        remembered = np.empty_like(hidden[1:])
        update, reset, candidate = parts_of(projected, 3)
        for place, total in enumerate(projected):
            from_state = hidden[place] @ recurrent
            from_state += self.recurrent_bias
            total[:, :split] = of_gate.value(total[:, :split] + from_state[:, :split])
            remembered[place] = from_state[:, split:]
            candidate[place] = of_candidate.value(candidate[place] + reset[place] * remembered[place])
            hidden[place + 1] = candidate[place] + update[place] * (hidden[place] - candidate[place])
        return _values(projected, hidden, remembered)

    def back(self, values: Values, hidden: Array) -> Array:
        """Go back through it."""
        update, candidate = _slopes(self, values)
        reset = candidate * values["remembered"] * self.activations[0].slope(values["reset"])
        to_inputs = np.stack([update, reset, candidate], axis=2)
        to_state = np.stack([update, reset, candidate * values["reset"]], axis=2)
        inputs = self._gradient_of_inputs(hidden)
        later: Array | float = 0.0
        for place in reversed(range(len(hidden))):
            state = hidden[place] + later
            inputs[place] = through(state, to_inputs[place], self.kernel)
            later = through(state, to_state[place], self.recurrent) + state * values["update"][place]
        return inputs


class GruOfPaper(Gru):
    """The same with n = g(x Wᵀ + (r h) Rᵀ + b), as Cho et al. wrote it."""

    def read(self, inputs: Array) -> Values:
        """Go through a text."""
        of_gate, of_candidate = self.activations
        projected, recurrent, split = self._projected(inputs), np.ascontiguousarray(self.recurrent.T), 2 * self.units
        projected += self.recurrent_bias
        hidden = self._states(projected)
        remembered = np.empty_like(hidden[1:])
        update, reset, candidate = parts_of(projected, 3)
        for place, total in enumerate(projected):
            total[:, :split] = of_gate.value(total[:, :split] + hidden[place] @ recurrent[:, :split])
            remembered[place] = reset[place] * hidden[place]
            candidate[place] = of_candidate.value(candidate[place] + remembered[place] @ recurrent[:, split:])
            hidden[place + 1] = candidate[place] + update[place] * (hidden[place] - candidate[place])
        return _values(projected, hidden, remembered)

    def back(self, values: Values, hidden: Array) -> Array:
        """Go back through it."""
        split = 2 * self.units
        to_update, to_candidate = _slopes(self, values)
        to_reset = values["before"] * self.activations[0].slope(values["reset"])
        inputs = self._gradient_of_inputs(hidden)
        later: Array | float = 0.0
        for place in reversed(range(len(hidden))):
            state = hidden[place] + later
            candidate = state * to_candidate[place]
            remembered = candidate @ self.recurrent[split:]
            gates = np.concatenate([state * to_update[place], remembered * to_reset[place]], axis=1)
            inputs[place] = gates @ self.kernel[:split] + candidate @ self.kernel[split:]
            later = state * values["update"][place] + remembered * values["reset"][place]
            later += gates @ self.recurrent[:split]
        return inputs


def _values(gates: Array, hidden: Array, remembered: Array) -> Values:
    update, reset, candidate = parts_of(gates, 3)
    values = {"update": update, "reset": reset, "candidate": candidate, "remembered": remembered}
    return {**values, "before": hidden[:-1], "hidden": hidden[1:]}


def _slopes(cell: Gru, values: Values) -> tuple[Array, Array]:
    """Return how much the state after a step changes with what goes into the update gate, and into the candidate."""
    of_gate, of_candidate = cell.activations
    update, candidate = values["update"], values["candidate"]
    return (
        (values["before"] - candidate) * of_gate.slope(update),
        (1 - update) * of_candidate.slope(candidate),
    )
