"""The activations of recurrent operators, and their derivatives as functions of what they gave.

Source: ONNX operator specification, `RNN`, `LSTM`, `GRU`, "Equations (Default: …)".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.explain.graph import Array, NotCoveredError

Function = Callable[[Array], Array]


class Activation(NamedTuple):
    """A function of each element, and its derivative, given the value of the function."""

    value: Function
    slope: Function


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), to within 1e-7; as a tanh it needs no case for large x."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def precise_sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) to all digits, also where it is next to nothing."""
    small = np.exp(-np.abs(x))
    share: Array = np.where(x < 0, small, np.float32(1)) / (1 + small)
    return share


def activations_of(
    names: Sequence[str], alphas: Sequence[float] = (), betas: Sequence[float] = ()
) -> tuple[Activation, ...]:
    """Return the activations of an operator; each that takes an alpha and a beta takes the next ones of the lists.

    Raises:
        NotCoveredError: if one is unknown.
    """
    numbers = iter(zip(alphas, betas, strict=True))
    return tuple(_activation(name, numbers) for name in names)


def _activation(name: str, numbers: "zip[tuple[float, float]]") -> Activation:
    if name in _PLAIN:
        return _PLAIN[name]
    if name in _WITH_NUMBERS:
        return _WITH_NUMBERS[name](*next(numbers))
    raise NotCoveredError(f"no replay of the activation {name}")


def _affine(alpha: float, beta: float) -> Activation:
    return Activation(lambda x: alpha * x + beta, lambda y: np.full_like(y, alpha))


def _hard_sigmoid(alpha: float, beta: float) -> Activation:
    return Activation(
        lambda x: np.clip(alpha * x + beta, 0, 1), lambda y: np.where((y > 0) & (y < 1), np.float32(alpha), 0)
    )


_PLAIN: Mapping[str, Activation] = {
    "Sigmoid": Activation(sigmoid, lambda y: y * (1 - y)),
    "Tanh": Activation(np.tanh, lambda y: 1 - y * y),
    "Relu": Activation(lambda x: np.maximum(x, 0), lambda y: y > 0),
    "Softsign": Activation(lambda x: x / (1 + np.abs(x)), lambda y: (1 - np.abs(y)) ** 2),
    "Softplus": Activation(lambda x: np.logaddexp(x, np.float32(0)), lambda y: -np.expm1(-y)),
}
_WITH_NUMBERS: Mapping[str, Callable[[float, float], Activation]] = {"Affine": _affine, "HardSigmoid": _hard_sigmoid}
