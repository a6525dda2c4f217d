"""Where versions lie, how one is published in a single rename, and when one is refused.

<store>/<name>/<version>/            a plain SavedModel
    assets.extra/manifest.json       and beside it the encoder, golden.json, model.onnx and report/
"""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from model_store.encoder import TextEncoder, load_encoder
from model_store.errors import EncoderError, ManifestError, StoreError, VersionRefusedError
from model_store.manifest import FileRecord, Manifest
from model_store.text import TEXT_VERSION

DEFAULT_STORE = Path(__file__).parent / "models"
"""The models that ship with the project."""

EXTRA = "assets.extra"
MANIFEST = f"{EXTRA}/manifest.json"
GOLDEN = f"{EXTRA}/golden.json"
FUSED_GRAPH = f"{EXTRA}/model.onnx"
FUSED_BATCH_GRAPH = f"{EXTRA}/model_batch.onnx"
"""The same for many rows at once; versions without it use the other for all."""
FROM_ROWS = "from_rows"
"""In its metadata: from how many rows on it is the faster one. Most say nothing; then it is 16."""
REPORT = f"{EXTRA}/report"

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VERSION_PATTERN = re.compile(r"[1-9][0-9]{0,8}")
_STAGING = ".staging"


class VersionRef(NamedTuple):
    """The name and number of a version; written `gru/2`."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version whose files were found complete and unaltered.

    Attributes:
        path: its directory.
        manifest: what it says of itself.
        digest: SHA-256 (hexadecimal) of its manifest, and thereby of the whole version.
    """

    path: Path
    manifest: Manifest
    digest: str

    @property
    def ref(self) -> VersionRef:
        """Its name and number."""
        return VersionRef(self.manifest.name, self.manifest.version)

    def load_encoder(self) -> TextEncoder:
        """Read its text encoder."""
        return load_encoder(self.path / EXTRA, self.manifest.encoder)


def list_versions(store: Path) -> list[VersionRef]:
    """Return every version in `store`, sorted by name and number, whether or not it would be refused."""
    if not store.is_dir():
        raise StoreError(f"the model store {store} is not a directory")
    return sorted(
        VersionRef(model.name, int(version.name))
        for model in store.iterdir()
        if NAME_PATTERN.fullmatch(model.name) and model.is_dir()
        for version in model.iterdir()
        if _VERSION_PATTERN.fullmatch(version.name)
    )


def verify(store: Path, ref: VersionRef) -> StoredVersion:
    """Read a version's manifest and prove that its files are the ones that were published.

    Raises:
        VersionRefusedError: if a file is missing, extra or altered, is a symbolic link, or the manifest is not
            understood; with the reason.
    """
    path = store / ref.name / str(ref.version)
    try:
        found = _regular_files(path)
        raw = (path / MANIFEST).read_bytes()
        manifest = Manifest.from_json(raw.decode())
    except (OSError, UnicodeDecodeError, ManifestError) as error:
        raise VersionRefusedError(path, f"no readable manifest: {error}") from error
    if (manifest.name, manifest.version) != ref:
        raise VersionRefusedError(path, f"the manifest is that of {manifest.name}/{manifest.version}")
    if manifest.encoder.text_version != TEXT_VERSION:
        found_version = manifest.encoder.text_version
        raise VersionRefusedError(path, f"text rules {found_version}; this release knows {TEXT_VERSION}")
    _compare_files(path, found - {MANIFEST}, manifest)
    stored = StoredVersion(path, manifest, hashlib.sha256(raw).hexdigest())
    try:
        stored.load_encoder()
    except EncoderError as error:
        raise VersionRefusedError(path, str(error)) from error
    return stored


@contextmanager
def staging(store: Path) -> Iterator[Path]:
    """Give a fresh directory inside `store` that no reader looks at; it is gone afterwards if not published."""
    staged = store / _STAGING / uuid.uuid4().hex
    (staged / REPORT).mkdir(parents=True)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        with suppress(OSError):  # another publication may be under way in it
            staged.parent.rmdir()


def publish(staged: Path, store: Path, manifest: Manifest) -> VersionRef:
    """Hash what was staged, write its manifest and make it a version of `store` in one rename.

    Args:
        staged: a directory from `staging`, complete but for the manifest.
        store: the store to publish in.
        manifest: everything but `files`; its `version` is replaced by the next free number.

    Returns:
        The reference of the new version.
    """
    if not NAME_PATTERN.fullmatch(manifest.name):
        raise StoreError(f"the model name {manifest.name!r} must match {NAME_PATTERN.pattern}")
    records = {path: _record(staged / path) for path in sorted(_regular_files(staged) - {MANIFEST})}
    model = store / manifest.name
    model.mkdir(parents=True, exist_ok=True)
    taken = [int(child.name) for child in model.iterdir() if _VERSION_PATTERN.fullmatch(child.name)]
    version = max(taken, default=0) + 1
    manifest = replace(manifest, version=version, files=records)
    (staged / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    for path in (*records, MANIFEST):
        flush(staged / path)
    staged.rename(model / str(version))
    flush(model)
    return VersionRef(manifest.name, version)


def _compare_files(path: Path, found: set[str], manifest: Manifest) -> None:
    expected = manifest.files.keys()
    for kind, names in (("missing", expected - found), ("not in the manifest", found - expected)):
        if names:
            raise VersionRefusedError(path, f"{kind}: {', '.join(sorted(names))}")
    for name, record in manifest.files.items():
        if (path / name).stat().st_size != record.size or _record(path / name) != record:
            raise VersionRefusedError(path, f"altered: {name}")
    if manifest.fused_graph != (FUSED_GRAPH in expected):
        raise VersionRefusedError(path, f"the manifest says fused_graph={manifest.fused_graph}, {FUSED_GRAPH} differs")


def _regular_files(path: Path) -> set[str]:
    """Return the relative paths of all files below `path`; refuse links and everything that is not a plain file."""
    if path.is_symlink():
        raise VersionRefusedError(path, "is a symbolic link")
    files: set[str] = set()
    for parent, directories, names in os.walk(path):
        for name in (*directories, *names):
            child = Path(parent, name)
            if child.is_symlink() or not (child.is_dir() or child.is_file()):
                raise VersionRefusedError(path, f"{child.relative_to(path)} is not a plain file")
        files.update(str(Path(parent, name).relative_to(path)) for name in names)
    return files


def _record(path: Path) -> FileRecord:
    with path.open("rb") as file:
        return FileRecord(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def flush(path: Path) -> None:
    """Make a file or directory survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
