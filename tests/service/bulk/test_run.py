import csv
from pathlib import Path

import pytest

from service.__main__ import main
from service.bulk.options import Options
from service.bulk.run import find_version, score
from service.errors import StartError
from service.settings import Settings


def test_without_a_version_the_latest_scores(settings: Settings) -> None:
    assert str(find_version(settings, "gru", None).ref) == "gru/2"
    assert str(find_version(settings, "gru", 1).ref) == "gru/1"


def test_what_is_not_in_the_store_is_said_with_what_is(settings: Settings) -> None:
    with pytest.raises(StartError, match=r"there is no gru/3 in .*; there are gru/1, gru/2, lstm/1"):
        find_version(settings, "gru", 3)


def test_a_store_that_is_not_there_is_said() -> None:
    with pytest.raises(StartError, match="is not a directory"):
        find_version(Settings(model_store=Path("/nowhere")), "gru", None)


def test_a_file_is_scored_from_end_to_end(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text('text\n"좋다, 정말"\n\n별로\n', encoding="utf-8")
    options = Options(str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), model="lstm", workers=1)
    assert score(options, settings) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == ["좋다, 정말", "별로"]
    assert {row["model"] for row in rows} == {"lstm/1"}
    assert "2 texts scored, 1 rows rejected (empty 1; " in capsys.readouterr().err


def test_nothing_is_said_when_silence_is_asked_for(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.csv").write_text("text\n좋다\n", encoding="utf-8")
    assert score(Options(str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), workers=1, quiet=True), settings) == 0
    assert capfd.readouterr() == ("", "")


def test_an_input_is_never_replaced(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text\n좋다\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to(path)
    for name in (path, tmp_path / "link.csv"):
        with pytest.raises(StartError, match="would replace the input"):
            score(Options(str(path), str(name), overwrite=True), settings)
    with pytest.raises(StartError, match="--rejected needs a file of its own"):
        score(Options(str(path), str(tmp_path / "out.csv"), rejected=path), settings)


def test_a_directory_is_no_output(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="is a directory"):
        score(Options("in.csv", str(tmp_path), overwrite=True), settings)


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    shown = capsys.readouterr().out
    flags = [f"--{name.replace('_', '-')}" for name in Options.__slots__ if name != "input"]
    assert all(flag in shown for flag in flags)
