import pytest

from service.__main__ import main
from service.settings import Settings, variable


@pytest.mark.parametrize(
    "arguments", [["--help"], ["serve", "--help"], ["check-models", "--help"], ["experiments", "check", "--help"]]
)
def test_help_teaches_every_setting(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert all(variable(name) in shown for name in Settings.model_fields)


@pytest.mark.parametrize("arguments", [[], ["sreve"]])
def test_a_verb_is_needed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "check-models" in capsys.readouterr().err or arguments == []


@pytest.mark.parametrize("verb", ["serve", "check-models"])
def test_what_stops_the_start_is_said_in_one_line(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUNCHI_MODEL_STORE", "/nowhere")
    assert main([verb]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("nunchi: NUNCHI_MODEL_STORE:")


def test_an_unknown_setting_stops_every_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUNCHI_PROT", "1")
    assert main(["check-models"]) == 2
    assert "NUNCHI_PORT" in capsys.readouterr().err
