import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_store.layout import StoredVersion, VersionRef
from service.engines import Engine
from service.engines.choice import EngineChoice
from service.metrics import Metrics
from service.settings import Settings
from service.versions import assembly
from service.versions.assembly import Versions
from tests.versions import publish_version


def test_whoever_asks_comes_first_while_a_version_is_loaded_and_what_it_takes_lies_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_version(tmp_path / "models")
    usual = sys.getswitchinterval()
    during: list[tuple[bool, bool]] = []
    apart: list[str] = []
    opened = EngineChoice.open

    def watched(choice: EngineChoice, stored: StoredVersion) -> Engine:
        during.append((sys.getswitchinterval() == pytest.approx(2e-4), apart == ["apart"]))
        return opened(choice, stored)

    @contextmanager
    def noted() -> Iterator[None]:
        apart.append("apart")
        yield
        apart.clear()

    monkeypatch.setattr(EngineChoice, "open", watched)
    monkeypatch.setattr(assembly, "large_apart", noted)
    settings = Settings(model_store=tmp_path / "models", versions_file=tmp_path / "versions.json", engine="onnx")

    async def load() -> bool:
        versions = Versions.of(settings, Metrics())
        try:
            return await versions.registry.load(VersionRef("gru", 1))
        finally:
            await versions.close()

    assert asyncio.run(load())
    assert during == [(True, True)]
    assert (sys.getswitchinterval(), apart) == (usual, [])
