import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from model_store.layout import StoredVersion, VersionRef, verify
from service.engines import choice
from service.engines.choice import EngineChoice
from service.errors import EngineError, StartError
from tests.versions import Shape, manifest_of


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)


@pytest.fixture
def unfused(tmp_path: Path) -> StoredVersion:
    return StoredVersion(tmp_path, manifest_of("ann", 10, Shape(), fused_reason="Flatten is not covered"), "digest")


@pytest.mark.parametrize("wanted", ["auto", "onnx"])
def test_a_fused_graph_is_run_by_onnx_runtime(wanted: str, store: Path) -> None:
    engine = EngineChoice(wanted, "auto", 0).open(verify(store, VersionRef("gru", 1)))  # type: ignore[arg-type]
    assert (engine.name, engine.device) == ("onnx", "cpu")


def test_a_version_without_a_fused_graph_needs_tensorflow(without_tensorflow: None, unfused: StoredVersion) -> None:
    with pytest.raises(EngineError, match=r"Flatten is not covered.*TensorFlow is not installed"):
        EngineChoice("auto", "auto", 0).open(unfused)


def test_onnx_for_all_refuses_a_version_without_a_fused_graph(unfused: StoredVersion) -> None:
    with pytest.raises(EngineError, match="Flatten is not covered"):
        EngineChoice("onnx", "auto", 0).open(unfused)


@pytest.mark.parametrize(("wanted", "device"), [("tensorflow", "auto"), ("auto", "gpu")])
def test_tensorflow_by_name_or_a_gpu_without_it_stops_the_start(
    without_tensorflow: None, wanted: str, device: str
) -> None:
    with pytest.raises(StartError, match="TensorFlow is not installed"):
        EngineChoice(wanted, device, 0).prepare()  # type: ignore[arg-type]


def test_the_fused_graph_on_a_gpu_is_a_contradiction() -> None:
    with pytest.raises(StartError, match="NUNCHI_DEVICE=gpu needs NUNCHI_ENGINE=tensorflow"):
        EngineChoice("onnx", "gpu", 0)


def test_auto_prepares_nothing(without_tensorflow: None) -> None:
    EngineChoice("auto", "auto", 0).prepare()


@pytest.mark.parametrize(("workers", "threads", "given"), [(1, 0, 1), (1, 5, 5), (2, 5, 3), (7, 5, 1)])
def test_the_workers_share_the_processors(
    monkeypatch: pytest.MonkeyPatch, workers: int, threads: int, given: int
) -> None:
    asked: list[tuple[str, int]] = []
    runtime = SimpleNamespace(TensorFlowRuntime=lambda device, threads: asked.append((device, threads)))
    monkeypatch.setitem(sys.modules, "service.engines.tensorflow", runtime)
    monkeypatch.setattr(choice, "find_spec", lambda name: True)
    monkeypatch.setattr(choice, "usable_processors", lambda: 6)
    EngineChoice("tensorflow", "cpu", threads, workers).prepare()
    assert asked == [("cpu", given)]
