from pathlib import Path

import pytest

from service.__main__ import main
from tests.versions import Shape, publish_version


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a store of gru/1 and lstm/1, which NUNCHI_MODEL_STORE names."""
    for name, seed in (("gru", 1), ("lstm", 2)):
        publish_version(tmp_path / "store", name, Shape(seed=seed))
    monkeypatch.setenv("NUNCHI_MODEL_STORE", str(tmp_path / "store"))
    return tmp_path


def run(*arguments: str | Path) -> int:
    return main(["signatures", *map(str, arguments)])


@pytest.fixture
def key(directory: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A private key; its public key is in `trusted.pem`."""
    assert run("keygen", "--key", directory / "signing.pem") == 0
    (directory / "trusted.pem").write_text(capsys.readouterr().out, encoding="utf-8")
    return directory / "signing.pem"


def verdicts(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    lines = capsys.readouterr().out.splitlines()[1:]
    return dict(line.split(maxsplit=1) for line in lines)


def test_what_is_signed_with_a_key_is_good_with_its_public_one(
    key: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sign", "--key", key) == 0
    assert verdicts(capsys) == {"gru/1": "signed", "lstm/1": "signed"}
    assert run("verify", "--keys", directory / "trusted.pem") == 0
    assert verdicts(capsys) == {"gru/1": "good", "lstm/1": "good"}


def test_only_the_versions_that_are_named_are_signed(
    key: Path, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNCHI_TRUSTED_KEYS_FILE", str(directory / "trusted.pem"))
    assert run("sign", "--key", key, "lstm/1") == 0
    capsys.readouterr()
    assert run("verify") == 1
    assert verdicts(capsys) == {
        "gru/1": "refused: it is not signed: assets.extra/manifest.sig is missing",
        "lstm/1": "good",
    }
    assert run("verify", "lstm/1") == 0


def test_a_version_that_is_not_whole_is_not_signed(
    key: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "store" / "gru" / "1" / "saved_model.pb").write_bytes(b"another model of another siz")
    assert run("sign", "--key", key) == 1
    assert verdicts(capsys) == {"gru/1": "refused: altered: saved_model.pb", "lstm/1": "signed"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify"], "set NUNCHI_TRUSTED_KEYS_FILE"),
        (["verify", "--keys", "nowhere.pem"], "cannot be read"),
        (["sign", "--key", "nowhere.pem"], "cannot be read"),
        (["keygen", "--key", "/nowhere/signing.pem"], "no key was made"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    directory: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_version_that_is_not_there_is_told(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sign", "--key", key, "gru/7") == 2
    assert "there is no version gru/7" in capsys.readouterr().err


def test_a_store_that_is_not_there_is_told(
    key: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNCHI_MODEL_STORE", "/nowhere")
    assert run("sign", "--key", key) == 2
    assert "NUNCHI_MODEL_STORE" in capsys.readouterr().err
