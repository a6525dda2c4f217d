import shutil
from pathlib import Path

import pytest

from model_store.layout import DEFAULT_STORE, list_versions


@pytest.fixture(scope="session")
def shipped_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the versions that ship with the project."""
    assert list_versions(DEFAULT_STORE), "the shipped versions are gone"
    store = tmp_path_factory.mktemp("shipped") / "models"
    shutil.copytree(DEFAULT_STORE, store, ignore=shutil.ignore_patterns(".*"))
    return store
