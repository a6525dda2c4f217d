"""How far back a recurrent layer remembers: how much its last state depends on what it read k steps before.

The Jacobian of the last state h by the input of an earlier step is the product of the Jacobians of the steps between,
so its norm shrinks or grows geometrically with k in a SimpleRNN (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and
Bengio 2013, arXiv:1211.5063); gates are there to keep it level (Hochreiter and Schmidhuber 1997).
"""

import numpy as np

from service.explain.graph import Array
from service.explain.recurrence import Trace


def reach(trace: Trace, row: int) -> Array:
    """Return the Frobenius norm of that Jacobian for k = 0, 1, … steps, in the order in which the layer reads.

    Args:
        trace: of one direction of a layer.
        row: of the batch.
    """
    values = {name: each[:, row : row + 1] for name, each in trace.values.items()}
    steps, _, units = values["hidden"].shape
    # A row for each unit of the last state: what its gradient becomes, step by step back.
    hidden = np.zeros((steps, units, units), dtype=values["hidden"].dtype)
    hidden[trace.last] = np.eye(units)
    jacobians = trace.reader.turned(trace.reader.back(values, hidden))[::-1]
    norms: Array = np.linalg.norm(jacobians.reshape(steps, -1), axis=1)
    return norms
