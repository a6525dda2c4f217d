import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from training.config import TrainingConfig, add_flags, flags_given, read_config
from training.errors import ConfigError


def test_the_defaults_are_the_reference_settings() -> None:
    config = TrainingConfig()

    assert (config.vocabulary, config.embedding, config.units, config.dense, config.epochs) == (10_000, 50, 50, 32, 5)


def test_flags_go_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    toml = tmp_path / "run.toml"
    toml.write_text('variant = "lstm"\nunits = 64\n')

    config = read_config(toml, {"units": 32})

    assert (config.variant, config.units, config.embedding) == ("lstm", 32, 50)


def test_every_setting_has_a_flag_that_sets_it() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    given = parser.parse_args(["--layers", "2", "--no-bias", "--clip-norm", "1.5", "--extra", "soft.tsv"])

    assert flags_given(given) == {"layers": 2, "bias": False, "clip_norm": 1.5, "extra": "soft.tsv"}
    flags = parser.format_help()
    assert all("--" + each.name.replace("_", "-") in flags for each in fields(TrainingConfig))


def test_the_settings_of_a_run_read_back_as_written(tmp_path: Path) -> None:
    config = TrainingConfig(layers=2, learning_rate=0.002, bias=False)

    assert TrainingConfig(**config.to_dict()) == config


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"epochs": 0}, "epochs must be 1 to 1000, found 0"),
        ({"units": 1.5}, "units must be a whole number"),
        ({"units": True}, "units must be a whole number"),
        ({"units": "50"}, "units must be a whole number"),
        ({"bias": 1}, "bias must be true or false"),
        ({"dropout": 0.95}, "dropout must be 0.0 to 0.9"),
        ({"dropout": float("nan")}, "dropout must be 0.0 to 0.9"),
        ({"learning_rate": -1}, "learning_rate must be"),
        ({"optimizer": "adma"}, "optimizer must be one of sgd"),
        ({"direction": "sideways"}, "direction must be one of forward, backward, bidirectional"),
        ({"loss": "zero_one"}, "loss must be one of crossentropy"),
        ({"activation": "tan"}, "activation must be one of tanh"),
        ({"encoder": "morpheme"}, "encoder must be one of word, character, subword"),
        ({"variant": "transformer"}, "variant must be one of ann, embedding"),
        ({"patience": 0}, "patience must be 1 or more"),
        ({"seed": None}, "seed must be a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        TrainingConfig(**settings)


def test_a_misspelt_setting_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'learning-rate'; did you mean 'learning_rate'"):
        read_config(None, {"learning-rate": 0.1})


@pytest.mark.parametrize("content", ["units = ", 'variant = "gru', "\xff"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: str) -> None:
    toml = tmp_path / "run.toml"
    toml.write_bytes(content.encode("latin-1"))

    with pytest.raises(ConfigError, match=r"run\.toml"):
        read_config(toml, {})


@pytest.mark.parametrize("path", sorted(Path("training/recipes").glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_that_come_along_are_valid(path: Path) -> None:
    read_config(path, {})
