import gc
from dataclasses import replace
from pathlib import Path

import pytest

from model_store.encoder import WordEncoder
from model_store.errors import EncoderError
from model_store.layout import EXTRA, StoredVersion, VersionRef, verify
from model_store.manifest import Manifest
from model_store.sharing import encoder_of
from tests.model_store.conftest import add_version

GRU_1 = VersionRef("gru", 1)


def test_versions_with_the_same_encoder_share_it(store: Path, word_encoder: WordEncoder, manifest: Manifest) -> None:
    first, second = verify(store, GRU_1), verify(store, add_version(store, word_encoder, manifest))

    assert first.load_encoder() is second.load_encoder()


def test_versions_with_another_encoder_have_their_own(store: Path, manifest: Manifest) -> None:
    first, second = verify(store, GRU_1), verify(store, add_version(store, WordEncoder(["a", "b", "c"]), manifest))

    assert first.load_encoder().encode("b", 9).unknown == 1
    assert second.load_encoder().encode("b", 9).unknown == 0


def test_an_encoder_that_no_version_uses_any_more_is_forgotten(store: Path) -> None:
    from model_store.sharing import _in_use

    gc.collect()
    before = len(_in_use)
    stored = verify(store, GRU_1)
    assert len(_in_use) == before + 1

    del stored
    assert len(_in_use) == before


def test_a_file_that_was_changed_after_it_was_proven_is_not_shared(store: Path) -> None:
    manifest = verify(store, GRU_1).manifest
    directory = store / "gru" / "1" / EXTRA
    (directory / "vocabulary.txt").write_text("영화\n좋다\n최고\n", encoding="utf-8")

    with pytest.raises(EncoderError, match=r"vocabulary\.txt is not the one of the manifest"):
        encoder_of(directory, manifest)


def test_of_a_file_that_no_manifest_lists_nothing_is_shared(store: Path) -> None:
    stored = verify(store, GRU_1)
    unlisted = [
        StoredVersion(stored.path, replace(stored.manifest, files={}), stored.digest).load_encoder() for _ in range(2)
    ]

    assert unlisted[0] is not unlisted[1]
