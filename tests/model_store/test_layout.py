import json
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from model_store import layout
from model_store.encoder import WordEncoder
from model_store.errors import SignatureError, StoreError, VersionRefusedError
from model_store.layout import (
    CHECKSUM,
    DEFAULT_STORE,
    MANIFEST,
    SIGNATURE,
    VersionRef,
    list_versions,
    publish,
    seal,
    staging,
    verify,
)
from model_store.manifest import FileRecord, Manifest
from tests.model_store.conftest import add_version

GRU_1 = VersionRef("gru", 1)
OUTSIDE = "/etc/hostname"


def test_a_published_version_is_listed_and_verified(store: Path) -> None:
    stored = verify(store, GRU_1)

    assert list_versions(store) == [GRU_1]
    assert stored.ref == GRU_1
    assert stored.load_encoder().encode("좋다", 9).ids == [3]
    assert len(stored.digest) == 64


def test_a_second_publication_gets_the_next_number(store: Path, word_encoder: WordEncoder, manifest: Manifest) -> None:
    assert add_version(store, word_encoder, manifest) == VersionRef("gru", 2)
    assert add_version(store, word_encoder, replace(manifest, name="lstm")) == VersionRef("lstm", 1)
    assert [str(ref) for ref in list_versions(store)] == ["gru/1", "gru/2", "lstm/1"]


def test_versions_are_listed_by_number_not_by_spelling(store: Path) -> None:
    for number in (10, 9):
        (store / "gru" / str(number)).mkdir()

    assert [ref.version for ref in list_versions(store)] == [1, 9, 10]


def test_nothing_unfinished_is_listed(store: Path) -> None:
    with staging(store):
        (store / "gru" / "01").mkdir()
        (store / "gru" / "latest").mkdir()
        (store / "notes.txt").write_text("no model")

        assert list_versions(store) == [GRU_1]


def test_staging_leaves_nothing_behind_after_a_failure(store: Path) -> None:
    with suppress(RuntimeError), staging(store) as staged:
        (staged / "half").write_text("a")
        raise RuntimeError

    assert not (store / ".staging").exists()


def test_a_store_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a directory"):
        list_versions(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["../gru", "GRU", "", "gru/1", "-gru", "그루", "a" * 64])
def test_a_name_that_is_no_plain_word_is_not_published(tmp_path: Path, manifest: Manifest, name: str) -> None:
    with staging(tmp_path) as staged, pytest.raises(StoreError, match="must match"):
        publish(staged, tmp_path, replace(manifest, name=name))


def _remove(version: Path) -> None:
    (version / "variables" / "variables.index").unlink()


def _add(version: Path) -> None:
    (version / "extra.py").write_text("print('hello')")


def _flip_a_bit(version: Path) -> None:
    path = version / "saved_model.pb"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def _truncate(version: Path) -> None:
    (version / "saved_model.pb").write_bytes(b"a gr")


def _link(version: Path) -> None:
    (version / "saved_model.pb").unlink()
    (version / "saved_model.pb").symlink_to(OUTSIDE)


def _link_directory(version: Path) -> None:
    (version / "assets").symlink_to("/etc")


def _no_manifest(version: Path) -> None:
    (version / MANIFEST).unlink()


def _no_checksum(version: Path) -> None:
    (version / CHECKSUM).unlink()


def _another_figure(version: Path) -> None:
    raw = (version / MANIFEST).read_bytes()
    (version / MANIFEST).write_bytes(raw.replace(b"0.9", b"0.8"))


def _no_json(version: Path) -> None:
    (version / MANIFEST).write_bytes(b"\xff")
    seal(version)


def _deep_json(version: Path) -> None:
    (version / MANIFEST).write_bytes(b"[" * 100_000)
    seal(version)


def _huge_manifest(version: Path) -> None:
    os.truncate(version / MANIFEST, 2**40)  # of holes: it takes no space


def _directory(version: Path) -> None:
    (version / "saved_model.pb").unlink()
    (version / "saved_model.pb").mkdir()


def _pipe(version: Path) -> None:
    (version / "saved_model.pb").unlink()
    os.mkfifo(version / "saved_model.pb")


def _claims(**fields: object) -> Callable[[Path], None]:
    def change(version: Path) -> None:
        document = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
        (version / MANIFEST).write_text(json.dumps({**document, **fields}), encoding="utf-8")
        seal(version)

    return change


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_remove, "missing: variables/variables.index"),
        (_add, "not in the manifest: extra.py"),
        (_flip_a_bit, "altered: saved_model.pb"),
        (_truncate, "altered: saved_model.pb"),
        (_link, "saved_model.pb is not a plain file"),
        (_link_directory, "assets is not a plain file"),
        (_no_manifest, "no readable manifest: assets.extra/manifest.json is missing"),
        (_no_checksum, "missing: assets.extra/manifest.sha256"),
        (_another_figure, "altered: assets.extra/manifest.json"),
        (_no_json, "no readable manifest"),
        (_deep_json, "no readable manifest"),
        (_huge_manifest, "manifest.json is larger than 1048576 bytes"),
        (_directory, "missing: saved_model.pb"),
        (_pipe, "saved_model.pb is not a plain file"),
        (_claims(name="lstm"), "the manifest is that of lstm/1"),
        (_claims(version=2), "the manifest is that of gru/2"),
        (_claims(fused_graph=True), "fused_graph=True"),
        (_claims(encoder={"kind": "word", "size": 5, "text_version": 99}), "text rules 99"),
        (_claims(encoder={"kind": "morpheme", "size": 5, "text_version": 1}), "unknown encoder kind"),
        (_claims(encoder={"kind": "word", "size": 9, "text_version": 1}), "has 5 ids"),
    ],
)
def test_a_damaged_version_is_refused_with_its_reason(store: Path, damage: Callable[[Path], None], reason: str) -> None:
    damage(store / "gru" / "1")

    with pytest.raises(VersionRefusedError, match=reason):
        verify(store, GRU_1)


def test_a_version_that_is_a_link_is_refused(store: Path) -> None:
    (store / "gru" / "2").symlink_to(store / "gru" / "1")

    with pytest.raises(VersionRefusedError, match="symbolic link"):
        verify(store, VersionRef("gru", 2))


def test_a_version_of_more_bytes_than_anyone_needs_is_refused_before_they_are_read(store: Path) -> None:
    weights = store / "gru" / "1" / "variables" / "variables.index"
    os.truncate(weights, 2**43)
    with pytest.raises(VersionRefusedError, match="its files are larger than"):
        verify(store, GRU_1)


class Nobody:
    """Trusts nobody, and remembers what it was shown."""

    shown: tuple[bytes, bytes | None] | None = None

    def check(self, manifest: bytes, signature: bytes | None) -> None:
        self.shown = manifest, signature
        raise SignatureError("nobody is trusted")


@pytest.mark.parametrize("signature", [None, b"signed"])
def test_whoever_has_to_have_signed_a_version_is_asked_before_it_is_read(store: Path, signature: bytes | None) -> None:
    manifest, nobody = store / "gru" / "1" / MANIFEST, Nobody()
    manifest.write_bytes(b"no manifest at all")
    if signature is not None:
        (store / "gru" / "1" / SIGNATURE).write_bytes(signature)
    with pytest.raises(VersionRefusedError, match="nobody is trusted"):
        verify(store, GRU_1, nobody)
    assert nobody.shown == (b"no manifest at all", signature)


def test_a_file_that_goes_away_meanwhile_is_a_reason_to_refuse(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path) -> FileRecord:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(layout, "record_of", gone)
    with pytest.raises(VersionRefusedError, match="a file cannot be read: No such file or directory"):
        verify(store, GRU_1)


def test_the_checksum_is_one_that_sha256sum_reads(store: Path) -> None:
    directory = (store / "gru" / "1" / CHECKSUM).parent
    subprocess.run(["sha256sum", "--check", "--strict", "manifest.sha256"], cwd=directory, check=True)


def test_a_version_that_is_a_file_is_refused(store: Path) -> None:
    (store / "gru" / "2").write_bytes(b"")

    with pytest.raises(VersionRefusedError, match="a file cannot be read: Not a directory"):
        verify(store, VersionRef("gru", 2))


def test_every_shipped_version_is_whole() -> None:
    shipped = list_versions(DEFAULT_STORE)

    assert {"rnn", "lstm", "gru", "chatbot"} <= {ref.name for ref in shipped}
    for ref in shipped:
        verify(DEFAULT_STORE, ref)


def test_the_shipped_store_is_small() -> None:
    size = sum(path.stat().st_size for path in DEFAULT_STORE.rglob("*") if path.is_file())

    assert size <= 60e6
