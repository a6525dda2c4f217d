"""Encoders that versions share: those of a model nearly always have the same.

To read one takes milliseconds, in which SentencePiece keeps the interpreter from everybody else, and megabytes.
"""

import hashlib
from pathlib import Path
from weakref import WeakValueDictionary

from model_store.encoder import ENCODERS, EncoderSpec, TextEncoder, load_encoder
from model_store.errors import EncoderError
from model_store.manifest import Manifest

_in_use: WeakValueDictionary[tuple[str, EncoderSpec], TextEncoder] = WeakValueDictionary()
"""By the hash of their file and what the manifest says of them."""


def encoder_of(directory: Path, manifest: Manifest) -> TextEncoder:
    """Return the encoder of a version: the one that another version with the same file uses already, if there is one.

    Args:
        directory: where its file lies.
        manifest: what the version says of itself; nothing is shared of a file that is not in it.

    Raises:
        EncoderError: as `load_encoder`, or if the file is not the one of the manifest.
    """
    spec = manifest.encoder
    kind = ENCODERS.get(spec.kind)
    record = manifest.files.get(f"{directory.name}/{kind.filename}") if kind else None
    if kind is None or record is None:
        return load_encoder(directory, spec)
    encoder = _in_use.get((record.sha256, spec))
    if encoder is None:
        encoder = load_encoder(directory, spec)
        if hashlib.sha256((directory / kind.filename).read_bytes()).hexdigest() != record.sha256:
            raise EncoderError(f"{kind.filename} is not the one of the manifest")
        _in_use[record.sha256, spec] = encoder
    return encoder
