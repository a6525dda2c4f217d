"""Where versions lie, how one is published in a single rename, and when one is refused.

<store>/<name>/<version>/            a plain SavedModel
    assets.extra/manifest.json       and beside it the encoder, golden.json, model.onnx and report/
    assets.extra/manifest.sha256     its hash, as `sha256sum --check` reads it
    assets.extra/manifest.sig        if somebody signed it: an Ed25519 signature of the bytes of manifest.json
"""

import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from model_store.encoder import TextEncoder
from model_store.errors import EncoderError, ManifestError, SignatureError, StoreError, VersionRefusedError
from model_store.files import flush, read_small, record_of, regular_files
from model_store.manifest import Manifest
from model_store.sharing import encoder_of
from model_store.text import TEXT_VERSION

DEFAULT_STORE = Path(__file__).parent / "models"
"""The models that ship with the project."""

EXTRA = "assets.extra"
MANIFEST = f"{EXTRA}/manifest.json"
CHECKSUM = f"{EXTRA}/manifest.sha256"
SIGNATURE = f"{EXTRA}/manifest.sig"
GOLDEN = f"{EXTRA}/golden.json"
SAVED_MODEL = "saved_model.pb"
FUSED_GRAPH = f"{EXTRA}/model.onnx"
FUSED_BATCH_GRAPH = f"{EXTRA}/model_batch.onnx"
"""The same for many rows at once; versions without it use the other for all."""
FROM_ROWS = "from_rows"
"""In its metadata: from how many rows on it is the faster one. Most say nothing; then it is 16."""
REPORT = f"{EXTRA}/report"

MOST_BYTES = 4 * 2**30
"""Of a version: more would keep whoever verifies it for minutes, and no SavedModel of more than 2 GiB loads."""
_MOST_MANIFEST_BYTES = 2**20

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VERSION_PATTERN = re.compile(r"[1-9][0-9]{0,8}")
_STAGING = ".staging"
_UNLISTED = {MANIFEST, CHECKSUM, SIGNATURE}
"""Files that cannot stand in the manifest, since they depend on it."""


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
        encoder: what turns texts into ids, once it was read.
    """

    path: Path
    manifest: Manifest
    digest: str
    encoder: TextEncoder | None = field(default=None, repr=False, compare=False)

    @property
    def ref(self) -> VersionRef:
        """Its name and number."""
        return VersionRef(self.manifest.name, self.manifest.version)

    def load_encoder(self) -> TextEncoder:
        """Return its text encoder, which other versions may use too."""
        return self.encoder or encoder_of(self.path / EXTRA, self.manifest)


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


class Trust(Protocol):
    """Says whose versions are taken."""

    def check(self, manifest: bytes, signature: bytes | None) -> None:
        """Prove that somebody who is trusted signed these bytes of a manifest.

        Raises:
            SignatureError: if not; None as the signature means that there is none.
        """


def verify(store: Path, ref: VersionRef, trust: Trust | None = None) -> StoredVersion:
    """Read a version's manifest and prove that its files are the ones that were published.

    Args:
        store: where versions lie.
        ref: which one.
        trust: whose versions are taken; None: anybody's. It is asked before anything of the version is interpreted.

    Raises:
        VersionRefusedError: if a file is missing, extra or altered, is a symbolic link, or the manifest is not
            understood or not signed as it must be; with the reason.
    """
    path = store / ref.name / str(ref.version)
    try:
        return _verify(path, ref, trust)
    except OSError as error:  # somebody is still writing it, or took it away
        raise VersionRefusedError(path, f"a file cannot be read: {error.strerror}") from error


def _verify(path: Path, ref: VersionRef, trust: Trust | None) -> StoredVersion:
    found = regular_files(path)
    raw = _read_manifest(path, found, trust)
    try:
        manifest = Manifest.from_json(raw.decode())
    except (UnicodeDecodeError, ManifestError) as error:
        raise VersionRefusedError(path, f"no readable manifest: {error}") from error
    if (manifest.name, manifest.version) != ref:
        raise VersionRefusedError(path, f"the manifest is that of {manifest.name}/{manifest.version}")
    if manifest.encoder.text_version != TEXT_VERSION:
        found_version = manifest.encoder.text_version
        raise VersionRefusedError(path, f"text rules {found_version}; this release knows {TEXT_VERSION}")
    _compare_files(path, found - _UNLISTED, manifest)
    stored = StoredVersion(path, manifest, hashlib.sha256(raw).hexdigest())
    try:
        return replace(stored, encoder=stored.load_encoder())
    except EncoderError as error:
        raise VersionRefusedError(path, str(error)) from error


def _read_manifest(path: Path, found: set[str], trust: Trust | None) -> bytes:
    """Return the manifest once it is known to be whole and, where that is asked for, signed."""
    if MANIFEST not in found:
        raise VersionRefusedError(path, f"no readable manifest: {MANIFEST} is missing")
    if CHECKSUM not in found:
        raise VersionRefusedError(path, f"missing: {CHECKSUM}")
    try:
        raw, checksum, *signature = (
            read_small(path / name, _MOST_MANIFEST_BYTES) for name in (MANIFEST, CHECKSUM, SIGNATURE) if name in found
        )
        if trust is not None:
            trust.check(raw, signature[0] if signature else None)
    except (ManifestError, SignatureError) as error:
        raise VersionRefusedError(path, str(error)) from error
    if checksum != _checksum(raw):
        raise VersionRefusedError(path, f"altered: {MANIFEST}")
    return raw


def read_manifest(version: Path) -> bytes:
    """Return the manifest of a version, as it lies there: nothing is known of it yet.

    Raises:
        ManifestError: if it is no plain file, or larger than any manifest.
        OSError: if it cannot be read.
    """
    return read_small(version / MANIFEST, _MOST_MANIFEST_BYTES)


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
    records = {path: record_of(staged / path) for path in sorted(regular_files(staged) - _UNLISTED)}
    model = store / manifest.name
    model.mkdir(parents=True, exist_ok=True)
    taken = [int(child.name) for child in model.iterdir() if _VERSION_PATTERN.fullmatch(child.name)]
    version = max(taken, default=0) + 1
    manifest = replace(manifest, version=version, files=records)
    (staged / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    seal(staged)
    for path in (*records, MANIFEST, CHECKSUM):
        flush(staged / path)
    staged.rename(model / str(version))
    flush(model)
    return VersionRef(manifest.name, version)


def seal(version: Path) -> None:
    """Write the hash of the manifest beside it: a manifest with another one is refused as altered."""
    (version / CHECKSUM).write_bytes(_checksum((version / MANIFEST).read_bytes()))


def _checksum(manifest: bytes) -> bytes:
    return f"{hashlib.sha256(manifest).hexdigest()}  {Path(MANIFEST).name}\n".encode()


def _compare_files(path: Path, found: set[str], manifest: Manifest) -> None:
    expected = manifest.files.keys()
    for kind, names in (("missing", expected - found), ("not in the manifest", found - expected)):
        if names:
            raise VersionRefusedError(path, f"{kind}: {', '.join(sorted(names))}")
    if sum((path / name).stat().st_size for name in found) > MOST_BYTES:
        raise VersionRefusedError(path, f"its files are larger than {MOST_BYTES} bytes together")
    for name, record in manifest.files.items():
        if (path / name).stat().st_size != record.size or record_of(path / name) != record:
            raise VersionRefusedError(path, f"altered: {name}")
    if manifest.fused_graph != (FUSED_GRAPH in expected):
        raise VersionRefusedError(path, f"the manifest says fused_graph={manifest.fused_graph}, {FUSED_GRAPH} differs")
