import shutil
from pathlib import Path

import pytest

from model_store.layout import DEFAULT_STORE, list_versions
from tests.savedmodels import publish_saved_model
from tests.versions import Shape


@pytest.fixture(scope="session")
def shipped_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the versions that ship with the project; a tiny one where none are shipped yet."""
    store = tmp_path_factory.mktemp("shipped") / "models"
    if list_versions(DEFAULT_STORE):
        shutil.copytree(DEFAULT_STORE, store, ignore=shutil.ignore_patterns(".*"))
    else:
        publish_saved_model(store, "gru", Shape(max_tokens=256))
    return store
