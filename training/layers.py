"""The few Keras layers that the variants need and Keras lacks; none has weights of its own."""

from typing import Any

import keras
from keras import ops

FAR_BELOW = 1e9
"""Taken from the states of padding, so that none of them is the highest."""


class PadOrCut(keras.layers.Layer):
    """Give rows of ids exactly `length` columns: ids int32 (batch, any) -> (batch, length)."""

    def __init__(self, length: int, **options: Any) -> None:
        super().__init__(**options)
        self.length = length

    def call(self, ids: Any) -> Any:
        """Pad with 0 on the right, then keep the beginning."""
        return ops.pad(ids, [[0, 0], [0, self.length]])[:, : self.length]

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, length)."""
        return (input_shape[0], self.length)


class Pooling(keras.layers.Layer):
    """Sum up the states of a text: (batch, steps, features) -> (batch, features); `mean_max` gives both, one after
    the other. Padding does not count; a text without a single step gives zeros, never NaN.
    """  # noqa: D205  the shapes belong to the first sentence

    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__(**options)
        self.kind = kind
        self.supports_masking = True

    def call(self, states: Any, mask: Any = None) -> Any:
        """Pool over the steps where `mask` (batch, steps) is true."""
        real = ops.ones_like(states[:, :, 0]) if mask is None else ops.cast(mask, states.dtype)
        real = ops.expand_dims(real, axis=-1)  # (batch, steps, 1)
        count = ops.sum(real, axis=1)  # (batch, 1)
        total = ops.sum(states * real, axis=1)
        mean = total / ops.maximum(count, 1.0)
        highest = ops.max(states - (1.0 - real) * FAR_BELOW, axis=1) * ops.minimum(count, 1.0)
        return {"sum": total, "mean": mean, "max": highest, "mean_max": ops.concatenate([mean, highest], axis=-1)}[
            self.kind
        ]

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: what is pooled has no steps."""


class Flipped(keras.layers.Layer):
    """Turn the steps round, (batch, steps, features), and keep the mask as it was.

    Keras gives the states of a backward layer in the order of processing and passes the mask on unturned; with this
    behind it, state and mask of a token stand in the same place again.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, states: Any) -> Any:
        """Reverse the second axis."""
        return ops.flip(states, axis=1)


class Complement(keras.layers.Layer):
    """Turn the probability of the second of two classes into both: (batch, 1) -> (batch, 2), [1 - p, p]."""

    def call(self, probability: Any) -> Any:
        """Put 1 - p before p."""
        return ops.concatenate([1.0 - probability, probability], axis=-1)
