from pathlib import Path

import pytest
from pydantic import ValidationError

from model_store.layout import DEFAULT_STORE
from service.errors import StartError
from service.settings import Settings, load_settings, table


def test_defaults_serve_the_shipped_models_on_this_machine_only() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.model_store == DEFAULT_STORE
    assert settings.default_model == "gru"


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNCHI_PORT", "9000")
    monkeypatch.setenv("NUNCHI_MODEL_STORE", "elsewhere")
    monkeypatch.setenv("NUNCHI_DOCS", "off")
    settings = load_settings()
    assert (settings.port, settings.model_store, settings.docs) == (9000, Path("elsewhere"), False)


def test_an_unknown_variable_stops_the_start_and_the_nearest_known_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUNCHI_MODELSTORE", "elsewhere")
    with pytest.raises(StartError, match=r"unknown setting NUNCHI_MODELSTORE.*NUNCHI_MODEL_STORE"):
        load_settings()


def test_an_unknown_variable_that_resembles_none_is_told_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNCHI_XYZZY", "1")
    with pytest.raises(
        StartError, match=r"unknown setting NUNCHI_XYZZY; known are NUNCHI_ALIAS_AGREEMENT, .*settings\.md"
    ):
        load_settings()


@pytest.mark.parametrize("name", ["NUNCHI_DATA_DIR", "NUNCHI_BEARER", "NUNCHI_BEARER_FILE"])
def test_what_others_read_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "anything")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NUNCHI_PORT", "many"),
        ("NUNCHI_PORT", "70000"),
        ("NUNCHI_ENGINE", "torch"),
        ("NUNCHI_DEVICE", "tpu"),
        ("NUNCHI_DEFAULT_MODEL", "../gru"),
        ("NUNCHI_QUEUE_ROWS", "0"),
        ("NUNCHI_AUTH", "on"),
        ("NUNCHI_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_stops_the_start_and_its_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match=f"{name}: "):
        load_settings()


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNCHI_PORT", "")
    assert load_settings().port == 8000


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_the_page_of_the_settings_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == table(), "python -m service.settings > docs/settings.md"


def test_every_setting_is_explained() -> None:
    assert all(field.description for field in Settings.model_fields.values())
