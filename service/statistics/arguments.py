"""What the methods take, numbers or arrays of them, and the errors for what makes no sense."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Numbers; those that come out are float64."""

Numbers = float | Array
"""A number or an array of them, so that a whole path costs one call; of numbers comes what `float` makes a number."""


def require_counts(**counts: Numbers) -> None:
    """Refuse what no count can be.

    Raises:
        ValueError: if one is negative or not a number.
    """
    for name, values in counts.items():
        least = values.min(initial=0) if isinstance(values, np.ndarray) else values
        if not least >= 0:
            raise ValueError(f"{name}: expected counts of at least 0, got {least}")


def require_positive(**values: float) -> None:
    """Refuse what is not above zero and finite.

    Raises:
        ValueError: if one is not.
    """
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name}: expected a finite number above 0, got {value}")


def require_share(**values: float) -> None:
    """Refuse what is not strictly between zero and one.

    Raises:
        ValueError: if one is not.
    """
    for name, value in values.items():
        if not 0 < value < 1:
            raise ValueError(f"{name}: expected a number in (0, 1), got {value}")


def require_part(part: Numbers, whole: Numbers, name: str) -> None:
    """Refuse a count that is negative or exceeds what it is a part of.

    Raises:
        ValueError: if it does.
    """
    if not np.all((np.asarray(part) >= 0) & (np.asarray(part) <= whole)):
        raise ValueError(f"{name}: expected counts of at least 0 and no more than there were")
