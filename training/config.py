"""Every setting of a training run: one frozen dataclass, filled from a TOML file, from flags, or both."""

import argparse
import difflib
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from model_store.encoder import ENCODERS, RESERVED_IDS
from training.errors import ConfigError
from training.history import CHOICES

SERVED_TOKENS = 256
"""Models that take any length are served on at least this many tokens of a text, however short they were trained."""

CERTAIN_ACCURACY = 0.95
"""What the answers are to reach that a model does not call uncertain, unless somebody asks for more or less."""

VARIANT_NAMES = (
    *("ann", "embedding", "pretrained_embedding", "rnn", "lstm", "gru"),
    *("stacked_rnn", "stacked_lstm", "stacked_gru", "birnn", "bilstm", "bigru"),
    *("stacked_birnn", "stacked_bilstm", "stacked_bigru"),
)
"""The keys of `training.variants.VARIANTS`, here because that table takes seconds to import."""

ACTIVATIONS = (
    *("tanh", "sigmoid", "relu", "linear", "elu", "selu", "gelu", "silu", "leaky_relu"),
    *("softplus", "softsign", "hard_sigmoid", "hard_silu", "exponential", "mish", "relu6"),
)
OPTIMIZERS = (
    *("sgd", "rmsprop", "adam", "adamw", "adadelta", "adagrad"),
    *("adamax", "adafactor", "nadam", "ftrl"),
)
SCHEDULES = ("constant", "cosine", "exponential", "one_cycle")
LOSSES = ("crossentropy", "mse", "mae", "mape", "msle", "cosine", "huber", "log_cosh")
POOLINGS = ("last", "mean", "max", "mean_max", "attention")
DIRECTIONS = ("forward", "backward", "bidirectional")


def _setting(
    default: Any, text: str, *, choices: tuple[str, ...] = (), low: float | None = None, high: float | None = None
) -> Any:
    """Declare a setting with its help text and the values that it may take, bounds included."""
    return field(default=default, metadata={"help": text, "choices": choices, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The settings of one run; the defaults are those of the reference table.

    Raises:
        ConfigError: if a value is of the wrong type or out of range.
    """

    variant: str = _setting("gru", "which entry of the table of variants to train", choices=VARIANT_NAMES)
    dataset: str = _setting("nsmc", "nsmc, chatbot, or the path of a TSV or CSV file")
    text_column: str = _setting("text", "the column of the texts, for a file of your own")
    label_column: str = _setting("label", "the column of the labels, for a file of your own")
    data_dir: str = _setting("data", "where the downloaded data lies; NUNCHI_DATA_DIR wins over it")
    rows: int | None = _setting(None, "use only that many training rows, drawn at random", low=10)
    validation_share: float = _setting(0.1, "the part of the training rows kept for validation", low=0.01, high=0.5)
    fold: str | None = _setting(None, "test on that fold of so many, such as 2/5; by default, on a tenth of the rows")
    split_seed: int = _setting(7, "decides which rows are kept for validation", low=0, high=2**31 - 1)
    extra: str | None = _setting(
        None, "further texts with soft labels (written by `label`), trained on beside the rest"
    )

    phrases: int = _setting(
        0, "sentences made by rule, about negation above all (training/phrases.toml), trained on beside the rest", low=0
    )

    encoder: str = _setting("subword", "how text is cut into units", choices=tuple(ENCODERS))
    vocabulary: int = _setting(10_000, "units, padding and unknown included", low=RESERVED_IDS + 1, high=1_000_000)
    encoder_from: str | None = _setting(None, "take the text encoder of that run instead of learning one")
    piece_sampling: float | None = _setting(
        None, "subword: cut texts anew in every epoch, at random; smaller numbers, more variety", low=0.01, high=10.0
    )
    blank_noise: float = _setting(
        0.0, "share of texts read without their blanks, others in every epoch", low=0.0, high=1.0
    )
    typo_noise: float = _setting(0.0, "share of syllables mistyped, others in every epoch", low=0.0, high=0.5)
    length: int = _setting(64, "units of a text seen in training; the rest is cut off", low=1, high=5_000)
    evaluation_length: int | None = _setting(None, "units seen in evaluation; by default as served", low=1, high=5_000)

    pretrained: str | None = _setting(
        None,
        "start from the vectors and the first recurrent layer of that run of `pretrain` or published version "
        "(its directory), with its encoder",
    )
    foils: int | None = _setting(
        None, "pretrain: tell the next unit from so many others of its batch, not from all there are", low=1
    )
    ngrams: int = _setting(
        0,
        "subword: vectors of pieces learn together where they share n-grams of so many characters or fewer; 0: none do",
        low=0,
        high=8,
    )
    embedding: int = _setting(50, "size of the embedding", low=1, high=4_096)
    units: int = _setting(50, "units of each recurrent layer", low=1, high=4_096)
    layers: int | None = _setting(
        None, "recurrent layers on top of each other; by default the variant's", low=1, high=8
    )
    direction: str | None = _setting(None, "reading direction; by default the variant's", choices=DIRECTIONS)
    activation: str = _setting("tanh", "activation of the cell", choices=ACTIVATIONS)
    recurrent_activation: str = _setting("sigmoid", "activation of the gates", choices=ACTIVATIONS)
    bias: bool = _setting(True, "whether the cells have a bias")
    reset_after: bool = _setting(True, "GRU: apply the reset gate after the matrix product (as cuDNN does)")
    pooling: str = _setting("last", "what the hidden layer sees of the states", choices=POOLINGS)
    dense: int = _setting(32, "units of the hidden layer", low=1, high=4_096)
    spatial_dropout: float = _setting(0.0, "share of embedding dimensions dropped", low=0.0, high=0.9)
    dropout: float = _setting(0.0, "share of each cell's inputs dropped", low=0.0, high=0.9)
    recurrent_dropout: float = _setting(0.0, "share of each cell's state dropped", low=0.0, high=0.9)
    head_dropout: float = _setting(0.0, "share of the hidden layer's inputs dropped", low=0.0, high=0.9)

    optimizer: str = _setting("adam", "optimizer", choices=OPTIMIZERS)
    learning_rate: float = _setting(1e-3, "learning rate, the highest one of the schedule", low=1e-8, high=100.0)
    schedule: str = _setting("constant", "course of the learning rate over the run", choices=SCHEDULES)
    loss: str = _setting("crossentropy", "loss", choices=LOSSES)
    label_smoothing: float = _setting(
        0.0, "crossentropy: share of each target spread over all labels", low=0.0, high=0.9
    )
    weight_average: float | None = _setting(
        None, "validate and keep the moving average of the weights, with this momentum", low=0.5, high=0.99999
    )
    clip_norm: float | None = _setting(None, "cut gradients to this global norm", low=1e-6, high=1e6)
    batch_size: int = _setting(128, "rows of a batch", low=1, high=65_536)
    epochs: int = _setting(5, "passes over the training rows", low=1, high=1_000)
    choose_by: str = _setting("accuracy", "validation figure that chooses the epoch", choices=tuple(CHOICES))
    patience: int | None = _setting(None, "stop after so many epochs without a better one", low=1)
    seed: int = _setting(7, "start of every random choice", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            _check(each, hints[each.name], getattr(self, each.name))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as TOML can hold them: without those that are absent."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_config(toml: Path | None, overrides: Mapping[str, Any]) -> TrainingConfig:
    """Build the settings from a TOML file of `name = value` lines and overrides, which win.

    Raises:
        ConfigError: if the file cannot be read, or a setting is unknown, of the wrong type or out of range.
    """
    values: dict[str, Any] = {}
    if toml is not None:
        try:
            values = tomllib.loads(toml.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{toml}: {error}") from error
    values.update(overrides)
    known = [each.name for each in fields(TrainingConfig)]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(f"unknown setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return TrainingConfig(**values)


def add_flags(parser: argparse.ArgumentParser, only: Sequence[str] | None = None) -> None:
    """Give `parser` a flag for every setting, or for those named; flags not given are left out of the result."""
    hints = get_type_hints(TrainingConfig)
    for each, plain in _plain_types(hints):
        if only is not None and each.name not in only:
            continue
        flag = "--" + each.name.replace("_", "-")
        default = "" if each.default is None else f" (default: {each.default})"
        text = (each.metadata["help"] + default).replace("%", "%%")
        if plain is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        else:
            # The choices are shown here and checked by TrainingConfig, as are those of a file.
            choices = each.metadata["choices"]
            metavar = "{" + ",".join(choices) + "}" if choices else plain.__name__.upper()
            parser.add_argument(flag, type=plain, metavar=metavar, default=argparse.SUPPRESS, help=text)


def flags_given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return those settings that the command line named."""
    given = vars(arguments)
    return {each.name: given[each.name] for each in fields(TrainingConfig) if each.name in given}


def _plain_types(hints: Mapping[str, Any]) -> Iterator[tuple[Field[Any], type]]:
    for each in fields(TrainingConfig):
        hint = hints[each.name]
        yield each, next(kind for kind in (get_args(hint) or (hint,)) if kind is not types.NoneType)


def _check(each: Field[Any], hint: Any, value: Any) -> None:
    allowed = get_args(hint) or (hint,)
    fits = isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool))
    if not fits and not (float in allowed and type(value) is int):
        raise ConfigError(f"{each.name} must be {_spoken(allowed)}, found {value!r}")
    if value is None:
        return
    choices, low, high = (each.metadata[key] for key in ("choices", "low", "high"))
    if choices and value not in choices:
        raise ConfigError(f"{each.name} must be one of {', '.join(choices)}, found {value!r}")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = f"{low} to {high}" if high is not None else f"{low} or more"
        raise ConfigError(f"{each.name} must be {bounds}, found {value!r}")


def _spoken(allowed: tuple[Any, ...]) -> str:
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", types.NoneType: "absent"}
    return " or ".join(words[kind] for kind in allowed)
