"""The few Keras layers that the variants need and Keras lacks; they run on every backend of Keras."""

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


class Attention(keras.layers.Layer):
    """Add up the states of a text, each times a weight that it decides: (batch, steps, features) -> (batch, features).

    The weights are the softmax, over the steps, of context * tanh(state W + b) (Yang et al. 2016, "Hierarchical
    Attention Networks for Document Classification", equations 5 to 7). Padding has none; a text without a single step
    gives zeros, never NaN.

    Args:
        units: size of what a state is turned into to be weighed.
        options: as for every layer.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Make the weights: kernel (features, units), bias (units,), context (units, 1)."""
        self.kernel = self.add_weight((input_shape[-1], self.units), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        self.context = self.add_weight((self.units, 1), "glorot_uniform", name="context")

    def call(self, states: Any, mask: Any = None) -> Any:
        """Attend to the steps where `mask` (batch, steps) is true."""
        real = ops.ones_like(states[:, :, 0]) if mask is None else ops.cast(mask, states.dtype)
        every = ops.reshape(states, (-1, states.shape[-1]))  # as products of matrices are cheaper than those of stacks
        scores = ops.matmul(ops.tanh(ops.matmul(every, self.kernel) + self.bias), self.context)
        scores = ops.reshape(scores, ops.shape(real)) - (1.0 - real) * FAR_BELOW
        # Not `ops.softmax`, which warns of a single step. With a step, the sum is 1 or more; without, it is 0.
        powers = ops.exp(scores - ops.max(scores, axis=1, keepdims=True)) * real
        shares = powers / ops.maximum(ops.sum(powers, axis=1, keepdims=True), 1.0)
        return ops.sum(states * ops.expand_dims(shares, axis=-1), axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return None: what is pooled has no steps."""

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return (batch, features)."""
        return (input_shape[0], input_shape[-1])


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


class AmongFoils(keras.layers.Layer):
    """Compare guesses with the vectors of the units wanted and of others: those wanted in the first rows.

    Rows are shuffled, so that a unit is among the others as often as in texts.
    """

    def __init__(self, foils: int, **options: Any) -> None:
        super().__init__(**options)
        self.foils = foils
        self.supports_masking = True

    def call(self, guesses: Any, wanted: Any, vectors: Any) -> Any:
        """Return logits (batch, length, 1 + foils), the one of the unit wanted first.

        Args:
            guesses: (batch, length, features).
            wanted: the units wanted, int32 (batch, length), 0 where none is.
            vectors: theirs, (batch, length, features).
        """
        right = ops.sum(guesses * vectors, axis=-1, keepdims=True)
        others = ops.reshape(wanted, (-1,))[: self.foils]
        scores = ops.matmul(guesses, ops.transpose(ops.reshape(vectors, (-1, vectors.shape[-1]))[: self.foils]))
        no_foil = ops.logical_or(ops.equal(others, 0), ops.equal(others, ops.expand_dims(wanted, -1)))
        return ops.concatenate([right, ops.where(no_foil, -FAR_BELOW, scores)], axis=-1)

    def compute_mask(self, *_: Any) -> None:
        """Return None: padding is told by `wanted`."""

    def compute_output_shape(self, guesses_shape: Any, wanted_shape: Any, vectors_shape: Any) -> Any:  # noqa: ARG002
        """Return (batch, length, any)."""
        return (*wanted_shape, None)
