"""The errors of the store.

StoreError
├── EncoderError             an encoder file that cannot be read, or an unknown kind
├── ManifestError            a manifest that does not say what it must
├── SignatureError           a manifest that nobody who is trusted has signed
├── OperatorError            a model that does more than arithmetic, or is none
├── VersionRefusedError      a version that is incomplete, altered or not understood
├── WireError                bytes that are no message of Protocol Buffers
└── GoldenMismatchError      a version that does not give the scores it was published with
"""

from pathlib import Path


class StoreError(Exception):
    """Something in the model store is not as it must be."""


class EncoderError(StoreError):
    """An encoder cannot be read or is of an unknown kind."""


class ManifestError(StoreError):
    """A manifest is missing a field, or holds one of the wrong type."""


class SignatureError(StoreError):
    """A manifest is not signed, or not by a key that is trusted."""


class OperatorError(StoreError):
    """A model holds an operator, or anything else, that training does not write."""


class VersionRefusedError(StoreError):
    """A stored version is incomplete, altered or not understood.

    Attributes:
        path: the directory of the version.
        reason: what was found and what was expected, in one line.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path.parent.name}/{path.name}: {reason}")
        self.path = path
        self.reason = reason


class WireError(StoreError):
    """Bytes are no message of Protocol Buffers, or not the one that was expected."""


class GoldenMismatchError(StoreError):
    """A golden example got other ids or another score than at publication."""
