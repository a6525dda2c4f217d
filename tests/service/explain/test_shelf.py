import shutil
from pathlib import Path

import onnx
import pytest

from model_store.layout import FUSED_GRAPH, VersionRef, verify
from service.explain.graph import NotCoveredError
from service.explain.shelf import ChangedError, Shelf
from tests.versions import Shape, gru_graph, publish_version

ONE, TWO, THREE = (VersionRef("gru", number) for number in (1, 2, 3))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for seed in range(3):
        publish_version(tmp_path, "gru", Shape(seed=seed))
    return tmp_path


def digest(store: Path, ref: VersionRef) -> str:
    return verify(store, ref).digest


def test_a_version_is_loaded_once(store: Path) -> None:
    shelf = Shelf(store)

    assert shelf.get(ONE, digest(store, ONE)) is shelf.get(ONE, digest(store, ONE))


def test_those_asked_for_last_are_kept(store: Path) -> None:
    shelf = Shelf(store, most=2)
    first, second = (shelf.get(ref, digest(store, ref)) for ref in (ONE, TWO))
    shelf.get(ONE, digest(store, ONE))

    shelf.get(THREE, digest(store, THREE))

    assert shelf.get(ONE, digest(store, ONE)) is first
    assert shelf.get(TWO, digest(store, TWO)) is not second


def test_a_version_that_was_altered_or_replaced_is_not_explained_as_the_one_that_is_served(store: Path) -> None:
    expected = digest(store, ONE)
    with (store / "gru/1" / FUSED_GRAPH).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ChangedError, match=r"altered: assets.extra/model.onnx"):
        Shelf(store).get(ONE, expected)

    shutil.rmtree(store / "gru/1")
    with pytest.raises(ChangedError, match="no readable manifest"):
        Shelf(store).get(ONE, expected)

    publish_version(store.parent / "other", "gru", Shape(seed=9))
    shutil.copytree(store.parent / "other" / "gru" / "1", store / "gru" / "1")
    with pytest.raises(ChangedError, match="gru/1: was replaced since the service loaded it"):
        Shelf(store).get(ONE, expected)


def test_what_is_in_memory_is_explained_though_its_files_are_gone(store: Path) -> None:
    shelf, expected = Shelf(store), digest(store, ONE)
    version = shelf.get(ONE, expected)
    shutil.rmtree(store / "gru/1")

    assert shelf.get(ONE, expected) is version


def test_a_graph_that_the_replay_does_not_know_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def graph(vocabulary: int, shape: Shape) -> onnx.ModelProto:
        model = gru_graph(vocabulary, shape)
        model.graph.node.insert(0, onnx.helper.make_node("Sub", ["E", "E"], ["unused"]))
        return model

    monkeypatch.setattr("tests.versions.gru_graph", graph)
    publish_version(tmp_path)

    with pytest.raises(NotCoveredError, match="the operator Sub"):
        Shelf(tmp_path).get(ONE, digest(tmp_path, ONE))
