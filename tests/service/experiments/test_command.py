import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from service.__main__ import main
from service.experiments.live import design_of, fingerprint
from service.store.database import Lock, open_database
from service.store.labels import give_labels
from service.store.phases import open_phase
from tests.service.experiments.declarations import FULL, GRU, LSTM, SMALL
from tests.service.experiments.declarations import experiment_of as small
from tests.service.store.observations import a_label, an_observation, write


@pytest.fixture
def path(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the settings name, with the small declaration in it."""
    path = tmp_path / "experiments.toml"
    path.write_text(SMALL, encoding="utf-8")
    monkeypatch.setenv("NUNCHI_EXPERIMENTS", str(path))
    monkeypatch.setenv("NUNCHI_MODEL_STORE", str(store))
    monkeypatch.setenv("NUNCHI_STORE", f"sqlite:///{tmp_path / 'nunchi.db'}")
    return path


@pytest.fixture
def observed(path: Path, tmp_path: Path) -> Path:
    """The same, after the experiment ran: two phases, and in the second one ten texts with labels."""
    with closing(open_database(f"sqlite:///{tmp_path / 'nunchi.db'}")) as database:
        for refs in ((GRU, LSTM), (GRU, LSTM._replace(version=2))):
            open_phase(database, "gru-or-lstm", fingerprint(small(), refs), design_of(small(), refs), time.time())
        write(database, [an_observation(number, "positive", "negative", phase=2) for number in range(10)])
        with database.write(Lock.LABELS) as connection:
            give_labels(database, connection, [a_label(number) for number in range(10)])
    return path


def experiments(*arguments: str) -> int:
    return main(["experiments", *arguments])


def test_a_good_file_passes_the_check(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert experiments("check") == 0
    head, line, summary = capsys.readouterr().out.splitlines()
    assert head.split() == ["experiment", "state", "versions", "verdict"]
    assert line.split() == ["gru-or-lstm", "running", "gru/2,", "lstm/1", "good"]
    assert summary == f"1 experiments in {path}, 0 should run and cannot"


def test_a_file_can_be_checked_before_any_setting_names_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NUNCHI_EXPERIMENTS")
    assert experiments("check", str(path)) == 0
    assert experiments("check", str(tmp_path / "nothing.toml")) == 1
    assert "nothing.toml cannot be read" in capsys.readouterr().err


def test_a_broken_file_fails_the_check_in_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(SMALL + "wieght = 2", encoding="utf-8")
    assert experiments("check") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"nunchi: {path}: experiment 'gru-or-lstm', arm 2: unknown key 'wieght'; the nearest")


def test_arms_that_are_not_stored_fail_the_check(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(SMALL.replace('"lstm"', '"bert"') + FULL.replace("gru-or-lstm", "done"), encoding="utf-8")
    assert experiments("check") == 1
    _, running, stopped, summary = capsys.readouterr().out.splitlines()
    assert running.endswith("cannot run: arm bert: there is no model bert; known are gru, lstm")
    assert stopped.endswith("good")
    assert summary.endswith("1 should run and cannot")


@pytest.mark.parametrize("arguments", [["list"], ["check"]])
def test_without_a_file_it_is_said_how_to_name_one(
    arguments: list[str], path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NUNCHI_EXPERIMENTS")
    assert experiments(*arguments) == 2
    assert "NUNCHI_EXPERIMENTS names no file; deploy/experiments.toml" in capsys.readouterr().err


def test_what_is_declared_is_listed_and_nothing_is_made(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(SMALL + FULL.replace("gru-or-lstm", "done"), encoding="utf-8")
    assert experiments("list") == 0
    _, running, stopped, summary = capsys.readouterr().out.splitlines()
    assert running == "gru-or-lstm  running  shadow_randomized  -      gru (gru/latest) 1, lstm (lstm/latest) 1"
    assert stopped == "done         stopped  split              -      old (gru/1) 3, new (gru/latest) 0.5"
    assert summary == f"2 experiments in {path}"
    assert [child.name for child in path.parent.iterdir()] == ["experiments.toml"]


def test_the_newest_phase_is_listed(observed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert experiments("list") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[3] == "2"


def test_a_store_that_does_not_answer_is_said_beside_what_is_declared(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUNCHI_STORE", "mysql://somewhere")
    assert experiments("list") == 0
    *_, summary = capsys.readouterr().out.splitlines()
    assert "their phases are unknown: NUNCHI_STORE begins with mysql" in summary


def test_a_report_is_markdown_unless_json_is_asked_for(observed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert experiments("report", "gru-or-lstm") == 0
    assert capsys.readouterr().out.startswith("# ")
    assert experiments("report", "gru-or-lstm", "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["experiment"], report["phase"]) == ("gru-or-lstm", 2)
    assert report["recommendation"]["state"] == "insufficient"


def test_the_report_on_an_older_phase_can_be_had(observed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert experiments("report", "gru-or-lstm", "--phase", "1", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["phase"] == 1


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (SMALL.replace('"gru-or-lstm"', '"gru-or-lstm"\nstate = "stopped"'), "stopped"),
        (SMALL.replace("gru-or-lstm", "another"), "stopped"),
        (None, "insufficient"),
    ],
)
def test_an_experiment_that_is_no_longer_declared_is_stopped_but_keeps_its_report(
    text: str | None,
    state: str,
    observed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if text is None:
        monkeypatch.delenv("NUNCHI_EXPERIMENTS")  # nothing is known of what is declared
    else:
        observed.write_text(text, encoding="utf-8")
    assert experiments("report", "gru-or-lstm", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["recommendation"]["state"] == state


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["gru-or-lsmt"],
            "nothing is stored of experiment gru-or-lsmt (NUNCHI_STORE); the nearest known one is gru-or",
        ),
        (["gru-or-lstm", "--phase", "9"], "nothing is stored of phase 9 of experiment gru-or-lstm (NUNCHI_STORE)"),
    ],
)
def test_a_report_that_cannot_be_made_is_an_error(
    arguments: list[str], said: str, observed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert experiments("report", *arguments) == 1
    assert capsys.readouterr().err.startswith(f"nunchi: {said}")


def test_before_any_service_ran_an_experiment_there_is_no_report_and_no_store(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert experiments("report", "gru-or-lstm") == 1
    assert "it begins when a service runs it" in capsys.readouterr().err
    assert [child.name for child in path.parent.iterdir()] == ["experiments.toml"]


@pytest.mark.parametrize("arguments", [[], ["lsit"]])
def test_an_action_is_needed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        experiments(*arguments)
    assert left.value.code == 2
