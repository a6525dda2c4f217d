import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from model_store.encoder import WordEncoder
from model_store.errors import StoreError, VersionRefusedError
from model_store.layout import (
    DEFAULT_STORE,
    MANIFEST,
    VersionRef,
    list_versions,
    publish,
    staging,
    verify,
)
from model_store.manifest import Manifest
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


def _claims(**fields: object) -> Callable[[Path], None]:
    def change(version: Path) -> None:
        document = json.loads((version / MANIFEST).read_text(encoding="utf-8"))
        (version / MANIFEST).write_text(json.dumps({**document, **fields}), encoding="utf-8")

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
        (_no_manifest, "no readable manifest"),
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


def test_every_shipped_version_is_whole() -> None:
    shipped = list_versions(DEFAULT_STORE)

    assert {"rnn", "lstm", "gru", "chatbot"} <= {ref.name for ref in shipped}
    for ref in shipped:
        verify(DEFAULT_STORE, ref)


def test_the_shipped_store_is_small() -> None:
    size = sum(path.stat().st_size for path in DEFAULT_STORE.rglob("*") if path.is_file())

    assert size <= 30e6
