"""Signatures of versions: Ed25519 (RFC 8032) over the bytes of manifest.json, which holds the hash of every other file.

Keys are PEM and a signature is its plain 64 bytes, so OpenSSL makes and checks them as well (docs/supply-chain.md).
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from model_store.errors import SignatureError
from model_store.files import flush
from model_store.layout import MANIFEST, SIGNATURE, StoredVersion
from service.errors import StartError

_PUBLIC_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


class TrustedKeys:
    """The public keys of those whose versions are served.

    Args:
        keys: one or more; while a key is being replaced, the old and the new one.
    """

    def __init__(self, keys: Sequence[Ed25519PublicKey]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def read(cls, path: Path) -> "TrustedKeys":
        """Read a file of public keys in PEM, one after the other; other lines are comments.

        Raises:
            StartError: if it cannot be read, holds none, or one that is not an Ed25519 key.
        """
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise StartError(f"the trusted keys {path} cannot be read: {error.strerror}") from error
        if b"PRIVATE KEY" in raw:
            raise StartError(f"{path} holds a private key; the service must only know the public ones")
        found = _PUBLIC_KEY.findall(raw)
        if not found or len(found) != raw.count(b"-----BEGIN"):
            raise StartError(f"{path} must hold Ed25519 public keys in PEM, and holds {len(found)} that can be read")
        return cls([_public_key(pem, path) for pem in found])

    def check(self, manifest: bytes, signature: bytes | None) -> None:
        """Prove that one of the keys signed the manifest.

        Raises:
            SignatureError: if not.
        """
        if signature is None:
            raise SignatureError(f"it is not signed: {SIGNATURE} is missing")
        if not any(_signed(key, manifest, signature) for key in self._keys):
            raise SignatureError(f"none of the {len(self._keys)} trusted keys signed this manifest as it is")


def make_key(path: Path) -> str:
    """Write a new private key, readable for its owner only; return the public key in PEM.

    Raises:
        StartError: if the file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StartError(f"no key was made: {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key in PEM.

    Raises:
        StartError: if it cannot be read, asks for a password, or is of another kind.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StartError(f"the key {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StartError(f"{path} is no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StartError(f"{path} is no Ed25519 key")
    return key


def sign(stored: StoredVersion, key: Ed25519PrivateKey) -> None:
    """Sign a version that was verified; a signature that it has is replaced."""
    path = stored.path / SIGNATURE
    path.write_bytes(key.sign((stored.path / MANIFEST).read_bytes()))
    flush(path)
    flush(path.parent)


def _public_key(pem: bytes, path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise StartError(f"{path}: a public key that cannot be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise StartError(f"{path}: a public key that is no Ed25519 key")
    return key


def _signed(key: Ed25519PublicKey, manifest: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, manifest)
    except InvalidSignature:
        return False
    return True
