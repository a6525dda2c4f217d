"""Prints, for kinds of recurrent layers, how far Keras' loop and that of `training.recurrence` are apart, as JSON.

Run by the tests of that module, since Keras has one backend a process and theirs is TensorFlow.
"""

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.layers import GRU, LSTM, Bidirectional, SimpleRNN

from training.config import TrainingConfig
from training.recurrence import quicken
from training.rows import FEW
from training.variants import VARIANTS, padded_lengths

STEPS, BATCH, FEATURES, UNITS = 24, 5, 4, 6
LAYERS: dict[str, Callable[[], Any]] = {
    "rnn": lambda: SimpleRNN(UNITS),
    "lstm": lambda: LSTM(UNITS),
    "rnn, every state": lambda: SimpleRNN(UNITS, return_sequences=True),
    "lstm, every state": lambda: LSTM(UNITS, return_sequences=True),
    "lstm, no bias": lambda: LSTM(UNITS, use_bias=False),
    "rnn, relu, no bias": lambda: SimpleRNN(UNITS, activation="relu", use_bias=False),
    "lstm, other activations": lambda: LSTM(UNITS, activation="relu", recurrent_activation="hard_sigmoid"),
    "rnn, dropout": lambda: SimpleRNN(UNITS, dropout=0.4, seed=3),
    "lstm, dropout": lambda: LSTM(UNITS, dropout=0.4, seed=3, return_sequences=True),
    "rnn, backward": lambda: SimpleRNN(UNITS, go_backwards=True),
    "lstm, backward, every state": lambda: LSTM(UNITS, go_backwards=True, return_sequences=True),
    "birnn": lambda: Bidirectional(SimpleRNN(UNITS)),
    "bilstm, every state": lambda: Bidirectional(LSTM(UNITS, return_sequences=True)),
    "gru": lambda: GRU(UNITS),
    "lstm, recurrent dropout": lambda: LSTM(UNITS, recurrent_dropout=0.4, seed=3),
}

ODD: tuple[dict[str, Any], ...] = ({"recurrent_dropout": 0.4}, {"ngrams": 3})
"""Settings with which padding costs more than compiling."""


def main() -> None:
    """Compare outputs and gradients of every kind, with rows that end early, are empty, or have gaps.

    The longest row ends in the second of three blocks; whoever looks at the third shall find nothing that is finite.
    """
    random = np.random.default_rng(0)
    inputs = random.normal(size=(BATCH, STEPS, FEATURES)).astype(np.float32)
    mask = np.arange(STEPS) < np.array([[10], [0], [3], [1], [5]])
    mask[4, 2] = False
    found = {}
    for name, build in LAYERS.items():
        plain, quick = build(), quicken(build(), next(cell for cell in ("rnn", "lstm", "gru") if cell in name))
        for layer in (plain, quick):
            layer.build(inputs.shape)
        weights = [random.normal(scale=0.5, size=weight.shape) for weight in plain.weights if weight.trainable]
        expected, got = _computed(plain, weights, inputs, mask), _computed(quick, weights, inputs, mask)
        apart = max(
            float(np.abs(one - other).max() / max(1, np.abs(one).max()))
            for one, other in zip(expected, got, strict=True)
        )
        unseen = np.where(np.arange(STEPS)[:, None] < 16, inputs, np.nan)
        skips = all(np.isfinite(value).all() for value in _computed(quick, weights, unseen, mask))
        covered = "inner_loop" in vars(getattr(quick, "forward_layer", quick))
        found[name] = {"apart": apart, "covered": covered, "skips": skips}
    few = [name for name in VARIANTS if padded_lengths(TrainingConfig(variant=name)) == FEW]
    few += [str(odd) for odd in ODD if padded_lengths(TrainingConfig(variant="lstm", **odd)) == FEW]
    print(json.dumps({"layers": found, "few": few}))


def _computed(layer: Any, weights: list[Any], inputs: Any, mask: Any) -> list[Any]:
    """Return the outputs and the gradients of the weights and the inputs, in training."""
    import jax

    others = [variable.value for variable in layer.non_trainable_variables]

    def loss(weights: list[Any], inputs: Any) -> Any:
        outputs, _ = layer.stateless_call(weights, others, inputs, mask=mask, training=True)
        return (outputs * np.linspace(-1, 1, outputs.size).reshape(outputs.shape)).sum(), outputs

    single = [np.asarray(weight, np.float32) for weight in weights]
    gradients, outputs = jax.grad(loss, argnums=(0, 1), has_aux=True)(single, inputs)
    return [np.asarray(value) for value in (outputs, *gradients[0], gradients[1])]


if __name__ == "__main__":
    assert keras.backend.backend() == "jax"
    main()
