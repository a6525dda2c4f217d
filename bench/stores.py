"""Model stores made for a measurement: versions of a given store, and copies of one of them under other names."""

import json
import shutil
from pathlib import Path

from model_store.layout import MANIFEST, VersionRef, list_versions, seal

MODEL = "gru"
"""What is measured everywhere."""


def latest(store: Path, name: str = MODEL) -> VersionRef:
    """Return the latest version of a model.

    Raises:
        LookupError: if there is none.
    """
    found = [ref for ref in list_versions(store) if ref.name == name]
    if not found:
        raise LookupError(f"there is no version of {name} in {store}")
    return found[-1]


def shipped(store: Path, count: int, target: Path) -> Path:
    """Make a store of `count` models: those of `store`, gru first, then copies of gru.

    Returns:
        The new store, a directory `target` that must not exist.
    """
    first = latest(store)
    others = sorted({ref.name for ref in list_versions(store)} - {MODEL})
    chosen = [first, *(latest(store, name) for name in others)][:count]
    for ref in chosen:
        shutil.copytree(store / ref.name / str(ref.version), target / ref.name / str(ref.version))
    for number in range(count - len(chosen)):
        _copy(store, first, target, f"{MODEL}-copy-{number + 1}")
    return target


def _copy(store: Path, ref: VersionRef, target: Path, name: str) -> None:
    path = target / name / str(ref.version)
    shutil.copytree(store / ref.name / str(ref.version), path)
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    manifest["name"] = name
    (path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    seal(path)
