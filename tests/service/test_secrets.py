import hashlib
import hmac
import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import StartError
from service.secrets import Mac, Secret, read_secret


def code_of(path: Path) -> str:
    return read_secret(path).mac("test").hex(b"")


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret"
    code = code_of(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32
    assert code_of(path) == code
    assert os.listdir(path.parent) == ["secret"]
    assert code_of(tmp_path / "other") != code


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        for attempt in range(10):
            path = tmp_path / str(attempt) / "secret"
            assert len(set(pool.map(code_of, [path] * 8, chunksize=1))) == 1
            assert os.listdir(path.parent) == ["secret"]


def test_who_comes_second_takes_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    first = code_of(path)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as it was when this process looked
    assert code_of(path) == first


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"secret", b"ab" * 31, b"0x" + b"ab" * 32])
def test_what_holds_no_secret_stops_the_start_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"^NUNCHI_SECRET_FILE: .* does not hold 32 bytes .* delete it"):
        read_secret(path)
    assert path.read_bytes() == content


def test_a_secret_made_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("AB" * 40 + "\n\n")
    assert code_of(tmp_path / "secret") == Secret(b"\xab" * 40).mac("test").hex(b"")


@pytest.mark.parametrize("path", ["file/secret", "directory"])
def test_a_path_that_cannot_be_used_stops_the_start_with_what_to_do(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(StartError, match=r"NUNCHI_SECRET_FILE: .* cannot be used: .*; name a file in a directory"):
        read_secret(tmp_path / path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StartError, match="Permission denied; name a file in a directory"):
        read_secret(tmp_path / "secret")


def test_purposes_have_keys_of_their_own() -> None:
    secret = Secret(b"s" * 32)
    key = hmac.digest(b"s" * 32, b"text", "sha256")
    assert secret.mac("text").hex(b"a") == hmac.new(key, b"a", "sha256").hexdigest()
    assert secret.mac("text").hex(b"a") != secret.mac("client").hex(b"a")


@given(st.binary(max_size=64), st.binary())
def test_a_code_is_that_of_the_standard(key: bytes, message: bytes) -> None:
    mac = Mac(key)
    assert mac.hex(message) == mac.hex(message) == hmac.new(key, message, hashlib.sha256).hexdigest()
