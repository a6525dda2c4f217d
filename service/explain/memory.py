"""How far back a recurrent layer remembers: how much its last state depends on what it read k steps before.

The Jacobian of the last state h by the input of an earlier step is the product of the Jacobians of the steps between,
so its norm shrinks or grows geometrically with k in a SimpleRNN (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and
Bengio 2013, arXiv:1211.5063); gates are there to keep it level (Hochreiter and Schmidhuber 1997).
"""

import numpy as np

from service.explain.cells import Step
from service.explain.graph import Array
from service.explain.recurrence import Trace


def reach(trace: Trace, row: int) -> Array:
    """Return the Frobenius norm of that Jacobian for k = 0, 1, … steps, in the order in which the layer reads.

    Args:
        trace: of one direction of a layer.
        row: of the batch.
    """
    cell = trace.reader.cell
    nothing = np.zeros((cell.units, cell.units), dtype=np.float32)
    # A row for each unit of h: what its gradient becomes, step by step back.
    state = (np.eye(cell.units, dtype=np.float32), *[nothing] * (cell.states - 1))
    steps: list[Array] = []
    for place in reversed(trace.reader.order(len(trace.steps))):
        projected, state = cell.back(_row(trace.steps[place], row), state)
        steps.append(projected)
    jacobians = np.stack(steps) @ cell.kernel
    norms: Array = np.linalg.norm(jacobians.reshape(len(steps), -1), axis=1)
    return norms


def _row(step: Step, row: int) -> Step:
    """Return a step of one row of the batch."""
    kept = slice(row, row + 1)
    before, after = (tuple(part[kept] for part in state) for state in (step.before, step.after))
    return Step(before, after, {name: value[kept] for name, value in step.values.items()})
