"""The secret of a service, kept in a file that all its processes share, and the keys that are derived from it."""

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from model_store.files import flush
from service.errors import StartError

SECRET_BYTES = 32


class Mac:
    """HMAC-SHA256 (RFC 2104) under one key, in 0.7 microseconds: `hmac.digest` takes 3 to set up the key each time.

    Args:
        key: at most 64 bytes; keep it to one purpose.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def hex(self, message: bytes) -> str:
        """Return the 64 hexadecimal digits of the code."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()


class Secret:
    """The secret; it is used for nothing but to derive keys.

    Args:
        value: random bytes, at least 32.
    """

    def __init__(self, value: bytes) -> None:
        self._value = value

    def mac(self, purpose: str) -> Mac:
        """Return the codes of a purpose; their key is HMAC-SHA256(secret, purpose), so none helps to forge another."""
        return Mac(hmac.digest(self._value, purpose.encode(), "sha256"))


def read_secret(path: Path) -> Secret:
    """Return the secret in a file; make it first if there is none. Processes that start together get the same.

    Raises:
        StartError: if the file cannot be read or made, or holds no secret; the message says what to do.
    """
    try:
        if not path.exists():
            _create(path)
        return Secret(_read(path))
    except OSError as error:
        raise StartError(
            f"NUNCHI_SECRET_FILE: {path} cannot be used: {error.strerror}; "
            "name a file in a directory that the service may write, or make the file readable for it"
        ) from error


def _create(path: Path) -> None:
    """Make the file whole or not at all, unless somebody else is faster: then theirs stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(SECRET_BYTES).hex() + "\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(staged, path)
    finally:
        staged.unlink()
    flush(path.parent)  # ids made under a secret that a power cut takes away would count as forged


def _read(path: Path) -> bytes:
    try:
        value = bytes.fromhex(path.read_bytes().decode("ascii"))
    except ValueError:
        value = b""
    if len(value) < SECRET_BYTES:
        raise StartError(
            f"NUNCHI_SECRET_FILE: {path} does not hold {SECRET_BYTES} bytes in hexadecimal digits; restore it, "
            "or delete it and have a new one made: then labels for predictions made until now are refused"
        )
    return value
