from pathlib import Path

import pytest

from service.__main__ import main
from service.metrics import Metrics
from service.security.counters import AccessCounters
from service.security.keys import Keys
from service.security.limiting import Buckets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def create(path: Path, *more: str, name: str = "team-a", scopes: str = "predict,feedback") -> int:
    return main(["keys", "create", "--name", name, "--scopes", scopes, "--file", str(path), *more])


def test_a_key_is_printed_once_alone_and_is_good(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert create(path) == 0
    shown = capsys.readouterr()
    [key] = shown.out.splitlines()
    assert "will not be shown again" in shown.err
    assert key not in path.read_text()
    found = Keys(path, Buckets(), AccessCounters(Metrics()).refused["limit"]).find(key.encode())
    assert found is not None
    assert found.scopes == {"predict", "feedback"}


def test_a_second_key_leaves_the_first(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create(path)
    create(path, "--days", "90", "--limit", "600/min", "--burst", "50")
    capsys.readouterr()
    assert main(["keys", "list", "--file", str(path)]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert "never" in first
    assert "600/min, 50 at once" in second


def test_a_key_is_revoked_by_its_id_and_all_of_a_name_by_that(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("team-a", "team-a", "team-b"):
        create(path, name=name)
    capsys.readouterr()
    main(["keys", "list", "--file", str(path)])
    first = capsys.readouterr().out.splitlines()[1].split()[0]
    assert main(["keys", "revoke", first, "--file", str(path)]) == 0
    assert "1 of 3 keys revoked" in capsys.readouterr().out
    assert main(["keys", "revoke", "team-a", "--file", str(path)]) == 0
    assert "1 of 2 keys revoked" in capsys.readouterr().out
    assert main(["keys", "revoke", "team-a", "--file", str(path)]) == 1
    assert "0 of 1 keys revoked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": "Team A"}, "--name: "),
        ({"scopes": "predict,feedbak"}, "--scopes: Input should be 'predict', 'feedback', 'admin' or 'metrics'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(
    more: dict[str, str], said: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert create(path, **more) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert not path.exists()


@pytest.mark.parametrize("option", ["--days", "--burst"])
def test_a_number_of_nothing_is_refused(option: str, path: Path) -> None:
    with pytest.raises(SystemExit):
        create(path, option, "0")


def test_a_limit_needs_a_unit(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert create(path, "--limit", "600") == 2
    assert "--limit: " in capsys.readouterr().err


def test_the_setting_names_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNCHI_API_KEYS_FILE", str(path))
    assert main(["keys", "create", "--name", "team-a", "--scopes", "metrics"]) == 0
    assert path.exists()


def test_without_a_file_it_asks_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list"]) == 2
    assert "which file?" in capsys.readouterr().err


def test_a_key_that_is_over_is_listed_as_such(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create(path, "--days", "1")
    text = path.read_text()
    path.write_text(text.replace(text.split('"expires": "')[1][:4], "2025"))
    capsys.readouterr()
    main(["keys", "list", "--file", str(path)])
    assert "(over)" in capsys.readouterr().out
