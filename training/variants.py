"""The table of variants: every system that can be trained, evaluated, published and served.

All have one form: ids int32 (batch, length), 0 = padding on the right -> probabilities float32 (batch, labels).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from training.config import SERVED_TOKENS, TrainingConfig
from training.layers import Attention, Complement, Flipped, PadOrCut, Pooling
from training.ngrams import NgramEmbedding, Ngrams
from training.recurrence import covers, quicken
from training.rows import BOUNDARIES, FEW

Tensor = Any
Body = Callable[[Tensor, "ModelSpec"], Tensor]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model is built from.

    Attributes:
        config: the settings.
        vocabulary: number of ids of the encoder.
        labels: number of classes.
        portable: leave out kernels that run on a GPU only, as for publication.
        ngrams: of the units, where their vectors learn together; a finished model has none.
    """

    config: TrainingConfig
    vocabulary: int
    labels: int
    portable: bool = False
    ngrams: Ngrams | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One entry of the table.

    Attributes:
        summary: what it is, in a line.
        body: from ids to the input of the hidden layer.
        cell: "rnn", "lstm", "gru", or None without recurrence.
        layers: recurrent layers, unless the settings say otherwise.
        direction: reading direction, unless the settings say otherwise.
        fixed_length: whether the model sees exactly `length` ids, whatever it is given.
        word_vectors: whether its embedding is trained beforehand on unlabelled texts.
    """

    summary: str
    body: Body
    cell: str | None = None
    layers: int = 1
    direction: str = "forward"
    fixed_length: bool = False
    word_vectors: bool = False

    def max_tokens(self, config: TrainingConfig) -> int:
        """Return how many ids of a text the model sees when it is served."""
        return config.length if self.fixed_length else max(SERVED_TOKENS, config.length)


def build(spec: ModelSpec) -> keras.Model:
    """Build the Keras model of a variant, weights drawn at random."""
    variant = find_variant(spec.config.variant)
    config = spec.config
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = variant.body(ids, spec)
    if config.head_dropout:
        x = keras.layers.Dropout(config.head_dropout)(x)
    x = keras.layers.Dense(config.dense, activation="relu", name="hidden")(x)
    if spec.labels == 2:
        probability = keras.layers.Dense(1, activation="sigmoid", name="positive")(x)
        probabilities = Complement(name="probabilities")(probability)
    else:
        probabilities = keras.layers.Dense(spec.labels, activation="softmax", name="probabilities")(x)
    return keras.Model(ids, probabilities, name=config.variant)


def divide_logits(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a model from `build` by `temperature`, for good: in the weights of its last Dense layer."""
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    last.set_weights([weight / temperature for weight in last.get_weights()])


def find_variant(name: str) -> Variant:
    """Return the entry of that name, one of `training.config.VARIANT_NAMES`."""
    return VARIANTS[name]


def padded_lengths(config: TrainingConfig) -> tuple[int, ...]:
    """Return the lengths that batches to learn from are padded to: few of them, where padding is skipped.

    They follow from the settings and the backend, both of which a run keeps, so a resumed one has the same batches.
    """
    skipped = covers(find_variant(config.variant).cell, config.recurrent_dropout) and not config.ngrams
    return FEW if skipped else BOUNDARIES  # with n-grams, looking up padding takes time


def _embedding(spec: ModelSpec, **options: Any) -> keras.layers.Layer:
    sizes = (spec.vocabulary, spec.config.embedding)
    if spec.ngrams is None:
        return keras.layers.Embedding(*sizes, name="embedding", **options)
    return NgramEmbedding(spec.ngrams, *sizes, name="embedding", **options)


def _bag(ids: Tensor, spec: ModelSpec) -> Tensor:
    """Add up the units' vectors: a count vector times a matrix, so with the hidden layer one layer in two factors."""
    return Pooling("sum")(_embedding(spec, mask_zero=True)(ids))


def _flat(ids: Tensor, spec: ModelSpec) -> Tensor:
    config = spec.config
    cut = PadOrCut(config.length)(ids)
    trainable = not find_variant(config.variant).word_vectors
    x = _embedding(spec, trainable=trainable)(cut)
    return keras.layers.Flatten()(x)


def _recurrent(ids: Tensor, spec: ModelSpec) -> Tensor:
    config, variant = spec.config, find_variant(spec.config.variant)
    layers = config.layers or variant.layers
    x = _embedding(spec, mask_zero=True)(ids)
    if config.spatial_dropout:
        x = keras.layers.SpatialDropout1D(config.spatial_dropout)(x)
    for number in range(1, layers + 1):
        states = number < layers or config.pooling != "last"
        x = recurrent_layer(x, spec, number, states=states)
    if config.pooling == "attention":
        return Attention(config.units, name="attention")(x)
    return x if config.pooling == "last" else Pooling(config.pooling)(x)


def recurrent_layer(x: Tensor, spec: ModelSpec, number: int, *, states: bool) -> Tensor:
    """Run recurrent layer `number`, counted from 1, over x; `states` asks for those of every step, else the last."""
    variant, name = find_variant(spec.config.variant), f"recurrent_{number}"
    direction = spec.config.direction or variant.direction
    cell = CELLS[str(variant.cell)]
    if direction == "bidirectional":
        layer = cell(spec, name=f"{name}_cell", return_sequences=states)
        return quicken(keras.layers.Bidirectional(layer, name=name), str(variant.cell))(x)
    backward = direction == "backward"
    layer = cell(spec, name=name, return_sequences=states, go_backwards=backward)
    x = quicken(layer, str(variant.cell))(x)
    return Flipped()(x) if backward and states else x


def _simple_rnn(spec: ModelSpec, **options: Any) -> keras.layers.Layer:
    return keras.layers.SimpleRNN(**_cell_options(spec), **options)


def _lstm(spec: ModelSpec, **options: Any) -> keras.layers.Layer:
    gates = {"recurrent_activation": spec.config.recurrent_activation, "use_cudnn": _cudnn(spec)}
    return keras.layers.LSTM(**_cell_options(spec), **gates, **options)


def _gru(spec: ModelSpec, **options: Any) -> keras.layers.Layer:
    gates = {"recurrent_activation": spec.config.recurrent_activation, "use_cudnn": _cudnn(spec)}
    return keras.layers.GRU(reset_after=spec.config.reset_after, **_cell_options(spec), **gates, **options)


def _cell_options(spec: ModelSpec) -> dict[str, Any]:
    config = spec.config
    return {
        "units": config.units,
        "activation": config.activation,
        "use_bias": config.bias,
        # Cells draw dropout from a random state, which a published graph must not hold.
        "dropout": 0.0 if spec.portable else config.dropout,
        "recurrent_dropout": 0.0 if spec.portable else config.recurrent_dropout,
    }


def _cudnn(spec: ModelSpec) -> bool | str:
    return False if spec.portable else "auto"


CELLS: dict[str, Callable[..., keras.layers.Layer]] = {"rnn": _simple_rnn, "lstm": _lstm, "gru": _gru}
"""The recurrent cells. SimpleRNN has no gates, so it takes no recurrent activation."""

VARIANTS: dict[str, Variant] = {
    "ann": Variant("feed-forward network over the bag of units", _bag),
    "embedding": Variant("embedding, flattened", _flat, fixed_length=True),
    "pretrained_embedding": Variant("frozen word vectors, flattened", _flat, fixed_length=True, word_vectors=True),
    "rnn": Variant("SimpleRNN", _recurrent, cell="rnn"),
    "lstm": Variant("LSTM", _recurrent, cell="lstm"),
    "gru": Variant("GRU", _recurrent, cell="gru"),
    "stacked_rnn": Variant("two layers of SimpleRNN", _recurrent, cell="rnn", layers=2),
    "stacked_lstm": Variant("two layers of LSTM", _recurrent, cell="lstm", layers=2),
    "stacked_gru": Variant("two layers of GRU", _recurrent, cell="gru", layers=2),
    "birnn": Variant("SimpleRNN in both directions", _recurrent, cell="rnn", direction="bidirectional"),
    "bilstm": Variant("LSTM in both directions", _recurrent, cell="lstm", direction="bidirectional"),
    "bigru": Variant("GRU in both directions", _recurrent, cell="gru", direction="bidirectional"),
    "stacked_birnn": Variant(
        "two layers of SimpleRNN in both directions", _recurrent, cell="rnn", layers=2, direction="bidirectional"
    ),
    "stacked_bilstm": Variant(
        "two layers of LSTM in both directions", _recurrent, cell="lstm", layers=2, direction="bidirectional"
    ),
    "stacked_bigru": Variant(
        "two layers of GRU in both directions", _recurrent, cell="gru", layers=2, direction="bidirectional"
    ),
}
"""Every variant by its name in settings, manifests and on the command line."""
