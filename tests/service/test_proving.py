import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from model_store.encoder import RESERVED_IDS
from model_store.errors import GoldenMismatchError, VersionRefusedError
from model_store.golden import GoldenExample, read_golden, write_golden
from model_store.layout import (
    EXTRA,
    FUSED_BATCH_GRAPH,
    GOLDEN,
    MANIFEST,
    VersionRef,
    publish,
    seal,
    staging,
    verify,
)
from service.engines.choice import EngineChoice
from service.engines.unpadded import Unpadded
from service.proving import prove
from service.security.signatures import TrustedKeys
from tests.versions import CHARACTERS, Shape, gru_graph, publish_staged, publish_version

GRU = VersionRef("gru", 1)
CHOICE = EngineChoice("auto", "cpu", 0)


def test_a_version_is_proven_on_its_golden_examples(store: Path) -> None:
    proven = prove(store, GRU, CHOICE, None)
    assert proven.worst < 1e-6
    assert proven.engine.name == "onnx"


def test_a_version_that_was_altered_is_refused(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store / "gru" / "1", tmp_path / "gru" / "1")
    (tmp_path / "gru" / "1" / "saved_model.pb").write_bytes(b"something else that was never published")
    with pytest.raises(VersionRefusedError, match=r"altered: saved_model\.pb"):
        prove(tmp_path, GRU, CHOICE, None)


@pytest.mark.parametrize("field", ["ids", "probabilities"])
def test_a_version_that_answers_otherwise_than_when_it_was_published_is_refused(
    store: Path, tmp_path: Path, field: str
) -> None:
    ref = republish(store, tmp_path, lie_about=field)
    with pytest.raises(GoldenMismatchError):
        prove(tmp_path, ref, CHOICE, None)


def test_a_version_whose_manifest_names_more_labels_than_it_gives_is_refused(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store / "gru" / "1", tmp_path / "gru" / "1")
    manifest = tmp_path / "gru" / "1" / MANIFEST
    manifest.write_text(manifest.read_text("utf-8").replace('"positive"', '"positive", "neutral"'), encoding="utf-8")
    seal(manifest.parents[1])
    with pytest.raises(GoldenMismatchError, match="a probability for each label"):
        prove(tmp_path, GRU, CHOICE, None)


def test_a_version_that_nobody_signed_is_refused_where_that_is_asked_for(store: Path) -> None:
    with pytest.raises(VersionRefusedError, match="it is not signed"):
        prove(store, GRU, CHOICE, TrustedKeys([Ed25519PrivateKey.generate().public_key()]))


def test_a_graph_for_many_rows_that_answers_otherwise_is_refused(tmp_path: Path) -> None:
    with staging(tmp_path) as staged:
        other = gru_graph(len(set(CHARACTERS)) + RESERVED_IDS, Shape(seed=1))
        (staged / FUSED_BATCH_GRAPH).write_bytes(other.SerializeToString())
        ref = publish_staged(staged, tmp_path, "gru", Shape(seed=0))
    with pytest.raises(GoldenMismatchError):
        prove(tmp_path, ref, CHOICE, None)


def test_a_graph_for_a_text_alone_that_answers_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = publish_version(tmp_path)
    other = gru_graph(len(set(CHARACTERS)) + RESERVED_IDS, Shape(seed=1)).SerializeToString()
    monkeypatch.setattr("service.engines.onnx.without_padding", lambda _: Unpadded(other, {}))
    with pytest.raises(GoldenMismatchError):
        prove(tmp_path, ref, CHOICE, None)


def test_a_graph_for_padding_that_answers_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, other = (
        gru_graph(len(set(CHARACTERS)) + RESERVED_IDS, Shape(seed=seed)).SerializeToString() for seed in (0, 1)
    )
    with staging(tmp_path) as staged:
        (staged / FUSED_BATCH_GRAPH).write_bytes(right)
        ref = publish_staged(staged, tmp_path, "gru", Shape(seed=0))
    monkeypatch.setattr("service.engines.onnx.without_padding", lambda _: Unpadded(right, {}))
    assert prove(tmp_path, ref, CHOICE, None)
    monkeypatch.setattr("service.engines.onnx._read", lambda path: other if path.name == "model.onnx" else right)
    with pytest.raises(GoldenMismatchError):
        prove(tmp_path, ref, CHOICE, None)


def republish(store: Path, target: Path, lie_about: str) -> VersionRef:
    """Publish gru/1 anew, with golden examples that its model does not give."""
    stored = verify(store, GRU)
    first, *rest = read_golden(stored.path / GOLDEN)
    lie = (
        GoldenExample(first.text, [*first.ids, 5], first.probabilities)
        if lie_about == "ids"
        else GoldenExample(first.text, first.ids, first.probabilities[::-1])
    )
    with staging(target) as staged:
        shutil.copytree(stored.path, staged, dirs_exist_ok=True)
        (staged / EXTRA / "manifest.json").unlink()
        write_golden(staged / GOLDEN, [lie, *rest])
        return publish(staged, target, stored.manifest)
