import os
from pathlib import Path
from threading import Event, Thread

import pytest

from service.versions.proofs import Outcome, Proofs, digest_of

GOOD, BAD = Outcome(None), Outcome("it crashed the process that proved it (SIGSEGV)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proofs.json"


def test_what_was_proven_is_known_to_others_and_after_a_restart(path: Path) -> None:
    Proofs(path, "onnx").remember("a" * 64, GOOD)
    Proofs(path, "onnx").remember("b" * 64, BAD)
    proofs = Proofs(path, "onnx")
    assert [proofs.outcome(letter * 64) for letter in "abc"] == [GOOD, BAD, None]


def test_what_was_proven_with_another_runtime_says_nothing(path: Path) -> None:
    Proofs(path, "onnx 1").remember("a" * 64, GOOD)
    assert Proofs(path, "onnx 2").outcome("a" * 64) is None


def test_what_is_forgotten_is_proven_again(path: Path) -> None:
    proofs = Proofs(path, "onnx")
    proofs.remember("a" * 64, BAD)
    proofs.forget("a" * 64)
    assert proofs.outcome("a" * 64) is None


def test_only_so_many_are_remembered_and_the_oldest_go_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.versions.proofs._REMEMBERED", 3)
    proofs = Proofs(path, "onnx")
    for digest in "abcad":
        proofs.remember(digest, GOOD)
    assert [digest for digest in "abcd" if proofs.outcome(digest)] == ["a", "c", "d"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"proven": 3}', b'{"proven": {"a": 3}}', b"\xff"])
def test_a_file_that_holds_something_else_costs_proofs_and_nothing_more(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    proofs = Proofs(path, "onnx")
    assert proofs.outcome("a") is None
    proofs.remember("a", GOOD)
    assert proofs.outcome("a") == GOOD


def test_where_nothing_can_be_written_versions_are_proven_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("no directory", encoding="utf-8")
    caplog.set_level("INFO")
    proofs = Proofs(tmp_path / "state" / "proofs.json", "onnx")
    with proofs.turn():
        proofs.remember("a", GOOD)
    assert proofs.outcome("a") is None
    assert [record.getMessage() for record in caplog.records] == ["proofs_not_kept"]


def test_one_proves_after_the_other(path: Path) -> None:
    entered = Event()

    def wait_for_turn() -> None:
        with Proofs(path, "onnx").turn():
            entered.set()

    with Proofs(path, "onnx").turn():
        waiting = Thread(target=wait_for_turn)
        waiting.start()
        assert not entered.wait(0.1)
    waiting.join(30)
    assert entered.is_set()


def test_a_digest_is_that_of_the_manifest(store: Path, tmp_path: Path) -> None:
    first, second = digest_of(store / "gru" / "1"), digest_of(store / "gru" / "2")
    assert first is not None
    assert len(first) == 64
    assert first != second
    assert digest_of(tmp_path) is None


def test_a_pipe_in_the_place_of_a_manifest_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "assets.extra").mkdir()
    os.mkfifo(tmp_path / "assets.extra" / "manifest.json")
    assert digest_of(tmp_path) is None


def test_a_manifest_without_end_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "manifest.json").touch()
    os.truncate(tmp_path / "assets.extra" / "manifest.json", 2**42)  # of holes; reading them takes an hour
    assert digest_of(tmp_path) is None
